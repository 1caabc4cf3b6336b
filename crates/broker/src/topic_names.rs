//! Which topic names mean something to the broker itself.

/// Topics that hold the broker's own state. Clients read them but do not write to them.
const INTERNAL: &[&str] = &["__consumer_offsets", "__transaction_state", "__share_group_state"];

/// Whether a topic is the broker's own.
pub(crate) fn is_internal(name: &str) -> bool {
    INTERNAL.contains(&name)
}
