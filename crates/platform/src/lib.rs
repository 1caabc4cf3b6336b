//! Part of Ottla.
