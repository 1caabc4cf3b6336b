//! What is known about one configuration key. The keys themselves are in `table`.

use super::Check;

/// One key of a topic's configuration.
#[derive(Debug)]
pub struct TopicKey {
    /// The key as users write it.
    pub name: &'static str,
    /// The type of its value.
    pub kind: Kind,
    /// The value where nobody says otherwise; `None` only for a key without any value by default.
    pub default: Option<&'static str>,
    /// What values are allowed.
    pub check: Check,
    /// The broker settings that give topics their default, the strongest first.
    pub synonyms: &'static [Synonym],
    /// Who may see the key.
    pub visibility: Visibility,
    /// What it does, in one line.
    pub documentation: &'static str,
}

/// The type of a value, as Kafka's DescribeConfigs numbers them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `true` or `false`, in any case.
    Boolean,
    /// Text without blanks around it.
    String,
    /// A 32-bit number.
    Int,
    /// A 64-bit number.
    Long,
    /// A floating-point number.
    Double,
    /// Texts separated by commas.
    List,
}

impl Kind {
    /// The number on the wire.
    pub fn code(self) -> i8 {
        match self {
            Kind::Boolean => 1,
            Kind::String => 2,
            Kind::Int => 3,
            Kind::Long => 5,
            Kind::Double => 6,
            Kind::List => 7,
        }
    }

    /// The name in error texts.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Boolean => "BOOLEAN",
            Kind::String => "STRING",
            Kind::Int => "INT",
            Kind::Long => "LONG",
            Kind::Double => "DOUBLE",
            Kind::List => "LIST",
        }
    }
}

/// Who may see a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Visibility {
    /// One of Kafka's public keys.
    Public,
    /// One of Kafka's internal keys: accepted, shown only where it is set.
    Internal,
    /// One of ours, prefixed `ottla.`.
    Own,
}

/// A broker setting that gives topics their default.
#[derive(Debug)]
pub struct Synonym {
    /// The setting's name.
    pub name: &'static str,
    /// The unit of its value, where the topic's key counts milliseconds.
    pub unit: Unit,
    /// The setting's own default, as Kafka shows it among the synonyms; `None` if it has none.
    pub default: Option<&'static str>,
}

impl Synonym {
    /// Whether it can be changed while brokers run: as in Kafka, those in the key's own unit but
    /// for the one that is a default of another.
    pub fn is_dynamic(&self) -> bool {
        self.unit == Unit::Same && self.name != "log.flush.scheduler.interval.ms"
    }
}

/// How a broker setting's value becomes the topic key's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// As it is.
    Same,
    /// Minutes become milliseconds.
    Minutes,
    /// Hours become milliseconds.
    Hours,
}

impl Unit {
    /// Milliseconds of one unit; `None` if the value is taken as it is.
    pub fn milliseconds(self) -> Option<i64> {
        match self {
            Unit::Same => None,
            Unit::Minutes => Some(60_000),
            Unit::Hours => Some(3_600_000),
        }
    }
}
