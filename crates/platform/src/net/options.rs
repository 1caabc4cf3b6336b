//! How a listener's connections queue and buffer.

/// How a listener's connections queue and buffer. What is not said is the system's choice.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct ListenOptions {
    /// Connections that may wait to be accepted.
    pub backlog: Option<u32>,
    /// Kernel memory for what is sent, per connection.
    pub send_buffer_bytes: Option<u32>,
    /// Kernel memory for what is received, per connection.
    pub receive_buffer_bytes: Option<u32>,
}
