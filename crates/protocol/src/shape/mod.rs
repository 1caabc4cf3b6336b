//! What a body must look like, and the bounded walk that checks it before anything is allocated for it.
//!
//! - `schema`: the vocabulary of shapes;
//! - [`table`]: the shapes of Kafka's messages, made at build time from `facts/messages.tsv`;
//! - [`walk`]: the walk itself.

mod schema;
pub mod table;
mod walk;

pub use schema::{Element, Field, Kind, Shape, Struct, Versions};
pub use walk::{ShapeError, Violation, walk};
