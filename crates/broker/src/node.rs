//! A node.
pub struct Node;
