//! The second port: `/metrics`, `/livez` and `/readyz` for machines, `/` for people.
//!
//! Plain HTTP/1.1, GET and HEAD only, nothing that changes anything. `health` is what the node says
//! of itself, `pages` are the answers, `server` the connections.

mod health;
mod pages;
mod server;

pub use health::Health;
pub use pages::Pages;
pub use server::serve;
