use proptest::prelude::*;

use super::*;

/// What a file says, as `(line, key, value)`.
fn check(file: &str, expected: &[(usize, &str, &str)]) {
    let entries = parse(file.as_bytes()).expect("the file is well formed");
    let found: Vec<_> = entries
        .iter()
        .map(|entry| (entry.line, entry.key.as_str(), entry.value.as_str()))
        .collect();
    assert_eq!(found, expected, "{file:?}");
}

#[test]
fn keys_and_values_are_cut_at_the_first_separator() {
    check("a=b", &[(1, "a", "b")]);
    check("a:b", &[(1, "a", "b")]);
    check("a b", &[(1, "a", "b")]);
    check("a\tb", &[(1, "a", "b")]);
    check("a\u{c}b", &[(1, "a", "b")]);
    check("  a  =  b c ", &[(1, "a", "b c ")]);
    check("a = = b", &[(1, "a", "= b")]);
    check("a : = b", &[(1, "a", "= b")]);
    check(
        "listeners=PLAINTEXT://:9092",
        &[(1, "listeners", "PLAINTEXT://:9092")],
    );
    check("a", &[(1, "a", "")]);
    check("a=", &[(1, "a", "")]);
    check("=b", &[(1, "", "b")]);
    check("a\\=b=c", &[(1, "a=b", "c")]);
    check("a\\ b c", &[(1, "a b", "c")]);
    check("a\\\\=b", &[(1, "a\\", "b")]);
}

#[test]
fn comments_and_blank_lines_say_nothing() {
    check("", &[]);
    check("\n\r\n  \t\n", &[]);
    check("# a=b\n! c=d\n  # e=f\ng=h", &[(4, "g", "h")]);
    check("# a\\\nb=c", &[(2, "b", "c")]);
    check("a=b # c", &[(1, "a", "b # c")]);
    check("a=b\n#c", &[(1, "a", "b")]);
}

#[test]
fn a_backslash_at_the_end_joins_the_next_line() {
    check("a=b\\\n   c\\\n  d\ne=f", &[(1, "a", "bcd"), (4, "e", "f")]);
    check("a=b\\\r\nc", &[(1, "a", "bc")]);
    check("a=b\\\rc", &[(1, "a", "bc")]);
    check("a=b\\\\\nc", &[(1, "a", "b\\"), (2, "c", "")]);
    check("a=b\\\\\\\nc", &[(1, "a", "b\\c")]);
    check("a=b\\\n  # c", &[(1, "a", "b# c")]);
    check("a=b\\\n\n c", &[(1, "a", "b"), (3, "c", "")]);
    check("\\\n# a\nb=c", &[(3, "b", "c")]);
    check("a\\\n=b", &[(1, "a", "b")]);
    check("a=b\\", &[(1, "a", "b")]);
    check("\\\n\\\n", &[]);
}

#[test]
fn escapes_stand_for_characters() {
    check(r"a=\t\n\r\f\\\:\=\#\z", &[(1, "a", "\t\n\r\u{c}\\:=#z")]);
    check(r"\u0061=\u00e4\u00E4", &[(1, "a", "ää")]);
    check(r"a=\ud83d\ude80", &[(1, "a", "🚀")]);
    check(r"a=\u00410", &[(1, "a", "A0")]);
}

#[test]
fn a_broken_escape_is_an_error_with_its_line() {
    for file in [r"b=\u12", r"b=\u12g4", r"b=\u", r"\uzzzz=b"] {
        assert_eq!(
            parse(format!("a=1\n{file}").as_bytes()),
            Err(SyntaxError::BadUnicodeEscape { line: 2 }),
            "{file}"
        );
    }
    assert_eq!(
        parse(br"a=\ud83dx"),
        Err(SyntaxError::LoneSurrogate {
            line: 1,
            unit: 0xd83d
        })
    );
}

#[test]
fn bytes_that_are_not_utf8_are_latin1() {
    check("a=é", &[(1, "a", "é")]);
    check("\u{feff}a=b", &[(1, "a", "b")]);
    let entries = parse(b"# \xe9\na=\xe9").expect("Latin-1 is well formed");
    assert_eq!(entries[0].value, "é");
}

#[test]
fn a_repeated_key_appears_as_often_as_it_is_written() {
    check("a=1\na=2", &[(1, "a", "1"), (2, "a", "2")]);
}

/// Writes a text so that it reads back as it is, wherever it stands.
fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for unit in text.encode_utf16() {
        match char::from_u32(u32::from(unit)) {
            Some(character) if character.is_ascii_alphanumeric() => escaped.push(character),
            Some('\n') => escaped.push_str("\\n"),
            Some(character) if character.is_ascii_graphic() || character == ' ' => {
                escaped.push('\\');
                escaped.push(character);
            }
            _ => escaped.push_str(&format!("\\u{unit:04x}")),
        }
    }
    escaped
}

proptest! {
    #[test]
    fn what_is_escaped_reads_back(pairs in prop::collection::vec((".{1,8}", ".{0,8}"), 0..6)) {
        let file: String = pairs
            .iter()
            .map(|(key, value)| format!("{}={}\n", escape(key), escape(value)))
            .collect();
        let read: Vec<_> = parse(file.as_bytes())
            .expect("escaped text is well formed")
            .into_iter()
            .map(|entry| (entry.key, entry.value))
            .collect();
        prop_assert_eq!(read, pairs);
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse(&bytes);
    }

    #[test]
    fn no_text_of_its_own_signs_makes_it_panic(text in r"[ab=: \t\x0c\n\r#!u0\\]{0,60}") {
        if let Ok(entries) = parse(text.as_bytes()) {
            prop_assert!(entries.is_sorted_by_key(|entry| entry.line));
        }
    }
}
