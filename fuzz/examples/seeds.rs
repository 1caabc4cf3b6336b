//! Writes inputs to start from, made of Kafka's wire vectors and of sound batches: `seeds TARGET`, in `fuzz/`.

use std::io::Read as _;
use std::path::Path;

use bytes::BufMut;
use ottla_protocol::api::{ApiSpec, SERVED};
use ottla_protocol::records::{BatchBuilder, Compression, compress};

fn main() -> std::io::Result<()> {
    let target = std::env::args().nth(1).unwrap_or_default();
    let seeds = match target.as_str() {
        "frame_and_header" => connections()?,
        "request_body" => bodies()?,
        "record_batch" => batches()?,
        "decompression" => packed()?,
        _ => return Err(std::io::Error::other("which target?")),
    };
    let folder = Path::new("corpus").join(target);
    std::fs::create_dir_all(&folder)?;
    for (number, seed) in seeds.iter().enumerate() {
        std::fs::write(folder.join(format!("seed-{number:04}")), seed)?;
    }
    Ok(())
}

const CODECS: [Compression; 5] = [
    Compression::None,
    Compression::Gzip,
    Compression::Snappy,
    Compression::Lz4,
    Compression::Zstd,
];

/// API, version and body of every request vector of a served API.
fn request_vectors() -> std::io::Result<Vec<(&'static ApiSpec, i16, Vec<u8>)>> {
    let packed = include_bytes!("../../crates/protocol/tests/data/kafka-4.4-vectors.tsv.gz");
    let mut text = String::new();
    flate2::read::GzDecoder::new(&packed[..]).read_to_string(&mut text)?;
    Ok(text.lines().filter_map(request_vector).collect())
}

fn request_vector(line: &str) -> Option<(&'static ApiSpec, i16, Vec<u8>)> {
    let columns: Vec<&str> = line.split('\t').collect();
    let (key, version) = (columns[1].parse().ok()?, columns[2].parse().ok()?);
    let api = ApiSpec::find(key).filter(|api| columns[0] == "Q" && api.serves(version))?;
    let hex = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    let body = columns[5]
        .as_bytes()
        .chunks(2)
        .map(hex)
        .collect::<Option<Vec<u8>>>()?;
    Some((api, version, body))
}

fn connections() -> std::io::Result<Vec<Vec<u8>>> {
    let mut seeds = Vec::new();
    for (api, version, body) in request_vectors()? {
        let mut frame = Vec::new();
        frame.put_i16(api.key.code());
        frame.put_i16(version);
        frame.put_slice(b"\0\0\0\x07\0\x01c");
        if api.is_flexible(version) {
            frame.put_u8(0);
        }
        frame.put_slice(&body);
        let mut seed = vec![16];
        seed.put_u32(frame.len() as u32);
        seed.put_slice(&frame);
        seeds.push(seed);
    }
    Ok(seeds)
}

fn bodies() -> std::io::Result<Vec<Vec<u8>>> {
    let seed = |(api, version, body): (&ApiSpec, i16, Vec<u8>)| {
        let row = SERVED.iter().position(|served| served == api).unwrap_or(0);
        [&[row as u8, (version - api.min) as u8], &body[..]].concat()
    };
    Ok(request_vectors()?.into_iter().map(seed).collect())
}

fn batches() -> std::io::Result<Vec<Vec<u8>>> {
    let mut seeds = Vec::new();
    for codec in CODECS {
        for choice in [0, 1, 4, 8, 16] {
            let mut builder = BatchBuilder::new(codec);
            builder.push(
                1_700_000_000_000,
                Some(b"key"),
                Some(&[b'v'; 100]),
                &[("a", Some(b"b")), ("a", None)],
            );
            builder.push(1_700_000_000_001, None, None, &[]);
            seeds.push([&[choice], &builder.build()?.to_bytes()[..]].concat());
        }
    }
    Ok(seeds)
}

fn packed() -> std::io::Result<Vec<Vec<u8>>> {
    let mut seeds = Vec::new();
    for codec in CODECS {
        for plain in [
            &b""[..],
            b"short",
            &[0; 10_000],
            &(0..=255).collect::<Vec<u8>>(),
        ] {
            seeds.push([&[codec.id() as u8, 16], &compress(codec, None, plain)?[..]].concat());
        }
    }
    Ok(seeds)
}
