//! Mapped files: the only place that holds `unsafe`.
