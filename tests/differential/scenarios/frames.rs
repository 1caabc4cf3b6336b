//! Bytes that are no request that anybody serves: both brokers close, or both answer.

use ottla_protocol::api::SERVED;

use crate::lab::Lab;

pub(crate) fn frames(lab: &mut Lab) {
    for api in SERVED {
        for version in [api.advertised_min - 1, api.max + 1, 99, -1] {
            // ApiVersions of any version is answered, which its own scenario sees.
            if api.name != "ApiVersions" && !api.serves(version) {
                let what = format!("{} v{version}", api.name);
                lab.send_raw(&what, &frame(&request(api.key.code(), version, &[])));
            }
        }
        if api.name != "ApiVersions" {
            let what = format!("{} v{}, cut short", api.name, api.max);
            lab.send_raw(&what, &frame(&request(api.key.code(), api.max, &[0])));
        }
    }
    for key in [4, 5, 6, 7, 52, 58, 200, 32_767, -1] {
        lab.send_raw(&format!("API key {key}"), &frame(&request(key, 0, &[])));
    }
    lab.send_raw("an empty frame", &frame(&[]));
    lab.send_raw("half a header", &frame(&[0, 18, 0]));
    lab.send_raw("a negative length", &[0xff; 8]);
    lab.send_raw("a length of 2 GiB", &[0x7f, 0xff, 0xff, 0xff, 0, 18, 0, 0]);
    lab.send_raw(
        "a request for a web page",
        b"GET / HTTP/1.1\r\nHost: broker\r\n\r\n",
    );
    lab.send_raw(
        "the beginning of TLS",
        &[22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3, 0],
    );
    lab.send_raw(
        "a client id of negative length",
        &frame(&[0, 3, 0, 1, 0, 0, 0, 7, 0xff, 0xf0]),
    );
    lab.send_raw(
        "a count beyond the frame",
        &frame(&request(3, 1, &[0x7f, 0xff, 0xff, 0xff])),
    );
}

/// Below 0 and other than −1.
pub(crate) fn negative_counts(lab: &mut Lab) {
    for version in [0, 1, 8] {
        for count in [-2_i32, -16, i32::MIN] {
            let what = format!("Metadata v{version}, a count of {count}");
            let body = [&count.to_be_bytes()[..], &[1, 1, 1]].concat();
            lab.send_raw(&what, &frame(&request(3, version, &body)));
        }
    }
}

fn frame(body: &[u8]) -> Vec<u8> {
    let size = u32::try_from(body.len()).expect("frames are short");
    [&size.to_be_bytes(), body].concat()
}

/// With a null client id, and no tagged fields behind it.
fn request(key: i16, version: i16, body: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    bytes.extend(key.to_be_bytes());
    bytes.extend(version.to_be_bytes());
    bytes.extend(7_i32.to_be_bytes());
    bytes.extend([0xff, 0xff]);
    bytes.extend(body);
    bytes
}
