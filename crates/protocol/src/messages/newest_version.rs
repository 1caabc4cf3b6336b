//! A message of kafka-protocol that lacks one version, the newest: because nothing about it is new, or with the bytes
//! of that version written here.

/// Defines a wrapper around one of kafka-protocol's messages that knows one version more, written as the one before.
macro_rules! with_version_like_the_one_before {
    ($(#[$doc:meta])* $name:ident($inner:ty), newest $newest:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq)]
        pub struct $name(pub $inner);

        impl $name {
            /// The version under which kafka-protocol knows these bytes. Others than the newest go through as they
            /// are, so that it refuses what it does not know.
            fn known_version(version: i16) -> i16 {
                if version == $newest { $newest - 1 } else { version }
            }
        }

        crate::messages::newest_version::wrapper!($name($inner), newest $newest);

        impl kafka_protocol::protocol::Encodable for $name {
            fn encode<B: kafka_protocol::protocol::buf::ByteBufMut>(
                &self,
                buffer: &mut B,
                version: i16,
            ) -> anyhow::Result<()> {
                self.0.encode(buffer, Self::known_version(version))
            }

            fn compute_size(&self, version: i16) -> anyhow::Result<usize> {
                self.0.compute_size(Self::known_version(version))
            }
        }

        impl kafka_protocol::protocol::Decodable for $name {
            fn decode<B: kafka_protocol::protocol::buf::ByteBuf>(
                buffer: &mut B,
                version: i16,
            ) -> anyhow::Result<Self> {
                <$inner>::decode(buffer, Self::known_version(version)).map(Self)
            }
        }
    };
}
pub(super) use with_version_like_the_one_before;

/// Defines a wrapper around one of kafka-protocol's messages that knows one version more, which its `encode_newest`
/// and `decode_newest` write and read.
macro_rules! with_newest_version {
    ($(#[$doc:meta])* $name:ident($inner:ty), newest $newest:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq)]
        pub struct $name(pub $inner);

        crate::messages::newest_version::wrapper!($name($inner), newest $newest);

        impl kafka_protocol::protocol::Encodable for $name {
            fn encode<B: kafka_protocol::protocol::buf::ByteBufMut>(
                &self,
                buffer: &mut B,
                version: i16,
            ) -> anyhow::Result<()> {
                if version == $newest {
                    return self.encode_newest(buffer);
                }
                self.0.encode(buffer, version)
            }

            fn compute_size(&self, version: i16) -> anyhow::Result<usize> {
                if version == $newest {
                    let mut bytes = Vec::new();
                    self.encode_newest(&mut bytes)?;
                    return Ok(bytes.len());
                }
                self.0.compute_size(version)
            }
        }

        impl kafka_protocol::protocol::Decodable for $name {
            fn decode<B: kafka_protocol::protocol::buf::ByteBuf>(
                buffer: &mut B,
                version: i16,
            ) -> anyhow::Result<Self> {
                if version == $newest {
                    return Self::decode_newest(buffer);
                }
                <$inner>::decode(buffer, version).map(Self)
            }
        }
    };
}
pub(super) use with_newest_version;

/// What every such wrapper has.
macro_rules! wrapper {
    ($name:ident($inner:ty), newest $newest:literal) => {
        impl std::ops::Deref for $name {
            type Target = $inner;

            fn deref(&self) -> &$inner {
                &self.0
            }
        }

        impl std::ops::DerefMut for $name {
            fn deref_mut(&mut self) -> &mut $inner {
                &mut self.0
            }
        }

        impl From<$inner> for $name {
            fn from(inner: $inner) -> Self {
                Self(inner)
            }
        }

        impl kafka_protocol::protocol::Message for $name {
            const VERSIONS: kafka_protocol::protocol::VersionRange =
                kafka_protocol::protocol::VersionRange {
                    min: <$inner as kafka_protocol::protocol::Message>::VERSIONS.min,
                    max: $newest,
                };
            const DEPRECATED_VERSIONS: Option<kafka_protocol::protocol::VersionRange> =
                <$inner as kafka_protocol::protocol::Message>::DEPRECATED_VERSIONS;
        }

        impl kafka_protocol::protocol::HeaderVersion for $name {
            fn header_version(version: i16) -> i16 {
                <$inner as kafka_protocol::protocol::HeaderVersion>::header_version(version)
            }
        }
    };
}
pub(super) use wrapper;
