//! The vocabulary of shapes: what stands where in a body, by version.

/// The shape of a request's or response's body.
#[derive(Debug)]
pub struct Shape {
    /// Kafka's name of the message.
    pub name: &'static str,
    /// The first version with compact lengths and tagged fields.
    pub first_flexible: i16,
    /// The body.
    pub body: Struct,
}

/// A run of fields, closed by tagged fields in flexible versions.
#[derive(Debug)]
pub struct Struct {
    /// Fields in the order of the wire.
    pub fields: &'static [Field],
    /// Fields known by their tag.
    pub tagged: &'static [(u32, Field)],
    /// About the memory that one decoded value takes, what its arrays and unknown tagged fields hold not counted.
    pub decoded_bytes: u32,
}

/// One field.
#[derive(Debug)]
pub struct Field {
    /// Kafka's name of the field.
    pub name: &'static str,
    /// The versions that have the field.
    pub versions: Versions,
    /// The versions in which it may be null.
    pub nullable: Versions,
    /// What its bytes are.
    pub kind: Kind,
}

/// What the bytes of a field are.
#[derive(Debug)]
pub enum Kind {
    /// A number, boolean or uuid of so many bytes.
    Fixed(u8),
    /// Text with a 16-bit or compact length.
    String,
    /// Bytes (record batches among them) with a 32-bit or compact length.
    Bytes,
    /// Elements with a 32-bit or compact count.
    Array(Element),
    /// A struct in place; a byte says whether it is there if it may be null.
    Struct(&'static Struct),
}

/// What the bytes of an array's element are.
#[derive(Debug)]
pub enum Element {
    /// A number, boolean or uuid of so many bytes.
    Fixed(u8),
    /// Text.
    String,
    /// A struct.
    Struct(&'static Struct),
}

/// A range of versions, both ends included; empty if `first` is above `last`.
#[derive(Clone, Copy, Debug)]
pub struct Versions {
    /// The first version in it.
    pub first: i16,
    /// The last version in it.
    pub last: i16,
}

impl Versions {
    /// Whether `version` is in the range.
    #[inline]
    pub fn contain(self, version: i16) -> bool {
        self.first <= version && version <= self.last
    }
}
