//! Cuts Rust and JavaScript into words with line numbers, leaving out what is not code. No grammar beyond that.

/// One word, `::`, or single sign. A JavaScript string keeps its quotes, a comment its opening.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token<'a> {
    pub(crate) text: &'a str,
    pub(crate) line: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Language {
    /// Comments, strings and characters are left out.
    Rust,
    /// Comments and characters are left out; strings stay, as one token each.
    #[allow(dead_code, reason = "only the test of the words reads them")]
    RustWithStrings,
    /// Comments and strings stay, as one token each.
    JavaScript,
}

/// The tokens of a source text, in order.
pub(crate) fn tokens(text: &str, language: Language) -> Vec<Token<'_>> {
    let mut found: Vec<Token<'_>> = Vec::new();
    let (mut at, mut line) = (0, 1);
    while let Some(first) = text[at..].chars().next() {
        let rest = &text[at..];
        let length = match language {
            Language::Rust | Language::RustWithStrings => rust_quiet(rest),
            Language::JavaScript => script_quiet(rest, found.last().map(|token| token.text)),
        };
        let (length, quiet) = match length {
            Some(length) => (length, true),
            None if rest.starts_with("::") => (2, false),
            None if is_word(first) => (rest.find(|c| !is_word(c)).unwrap_or(rest.len()), false),
            None => (first.len_utf8(), first.is_whitespace()),
        };
        let piece = &rest[..length];
        let kept = match language {
            _ if !quiet => true,
            Language::Rust => false,
            Language::RustWithStrings => piece.ends_with(['"', '#']) && !piece.starts_with('/'),
            Language::JavaScript => !piece.trim().is_empty() && length > 1,
        };
        if kept {
            found.push(Token { text: piece, line });
        }
        line += piece.matches('\n').count();
        at += length;
    }
    found
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '$'
}

/// The length of a Rust comment, string or character at the start of `rest`.
fn rust_quiet(rest: &str) -> Option<usize> {
    if rest.starts_with("//") {
        return Some(rest.find('\n').unwrap_or(rest.len()));
    }
    if rest.starts_with("/*") {
        return Some(nested_comment(rest));
    }
    let prefix = ["br", "cr", "b", "c", "r"].into_iter().find(|p| rest.starts_with(p)).unwrap_or("");
    let body = &rest[prefix.len()..];
    let hashes = body.len() - body.trim_start_matches('#').len();
    if prefix.ends_with('r') && body[hashes..].starts_with('"') {
        let end = format!("\"{}", "#".repeat(hashes));
        let from = prefix.len() + hashes + 1;
        return Some(rest[from..].find(&end).map_or(rest.len(), |at| from + at + end.len()));
    }
    if body.starts_with('"') {
        return Some(prefix.len() + quoted(body, '"'));
    }
    if let Some(inner) = body.strip_prefix('\'') {
        // 'a' is a character, 'a is a lifetime.
        let mut chars = inner.chars();
        let (first, second) = (chars.next()?, chars.next());
        return (first == '\\' || second == Some('\'')).then(|| prefix.len() + quoted(body, '\''));
    }
    None
}

/// Rust's block comments nest.
fn nested_comment(rest: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        if rest[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += rest[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    rest.len()
}

/// The length of a JavaScript comment, string, template or regular expression at the start of `rest`.
fn script_quiet(rest: &str, before: Option<&str>) -> Option<usize> {
    if rest.starts_with("//") {
        return Some(rest.find('\n').unwrap_or(rest.len()));
    }
    if rest.starts_with("/*") {
        return Some(rest.find("*/").map_or(rest.len(), |at| at + 2));
    }
    let first = rest.chars().next()?;
    // After a value a slash divides, elsewhere it opens a regular expression.
    let divides = before.is_some_and(|token| {
        token.ends_with(|c: char| is_word(c) || ")]'\"`".contains(c)) && token != "return"
    });
    match first {
        '\'' | '"' | '`' => Some(quoted(rest, first)),
        '/' if !divides => Some(quoted(rest, '/')),
        _ => None,
    }
}

/// The length of `rest` up to the second unescaped `mark`, both marks included.
fn quoted(rest: &str, mark: char) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        if !escaped && c == mark {
            return at + c.len_utf8();
        }
        escaped = !escaped && c == '\\';
    }
    rest.len()
}

/// The tokens outside `#[cfg(test)]` items, and how many lines those items take.
pub(crate) fn without_tests<'a>(all: &[Token<'a>]) -> (Vec<Token<'a>>, usize) {
    let (mut kept, mut test_lines, mut at) = (Vec::new(), 0, 0);
    while at < all.len() {
        if opens_test(&all[at..]) {
            let end = item_end(all, at);
            test_lines += all[end - 1].line - all[at].line + 1;
            at = end;
        } else {
            kept.push(all[at]);
            at += 1;
        }
    }
    (kept, test_lines)
}

fn opens_test(rest: &[Token<'_>]) -> bool {
    let text: Vec<&str> = rest.iter().take(7).map(|token| token.text).collect();
    text.starts_with(&["#", "[", "cfg", "(", "test"]) || text == ["#", "[", "cfg", "(", "all", "(", "test"]
}

/// One past the last token of the item whose first attribute is at `from`: its closing brace, or its semicolon.
fn item_end(all: &[Token<'_>], from: usize) -> usize {
    let mut depth = 0_i32;
    for (at, token) in all.iter().enumerate().skip(from) {
        match token.text {
            "{" | "(" | "[" => depth += 1,
            "}" | ")" | "]" => depth -= 1,
            _ => {}
        }
        if depth == 0 && matches!(token.text, "}" | ";") {
            return at + 1;
        }
    }
    all.len()
}

#[cfg(test)]
fn texts(text: &str, language: Language) -> Vec<&str> {
    tokens(text, language).into_iter().map(|token| token.text).collect()
}

#[test]
fn comments_strings_and_characters_are_no_code_but_lifetimes_are() {
    let source = "a // unsafe\n/* x /* unsafe */ y */ b \"un\\\"safe\" r#\"un\"safe\"# 'c' '\\'' &'d e b'f' c::d // end";
    assert_eq!(texts(source, Language::Rust), ["a", "b", "&", "'", "d", "e", "c", "::", "d"]);
}

#[test]
fn lines_are_counted_through_comments_and_strings() {
    let source = "a\n/*\n*/ \"\n\" b";
    assert_eq!(tokens(source, Language::Rust)[1], Token { text: "b", line: 4 });
}

#[test]
fn scripts_keep_strings_and_comments_whole_and_know_a_division_from_a_pattern() {
    let source = "f(/'`/) + a / b / 'c//d' // e\n`g ${h}`";
    let expected = ["f", "(", "/'`/", ")", "+", "a", "/", "b", "/", "'c//d'", "// e", "`g ${h}`"];
    assert_eq!(texts(source, Language::JavaScript), expected);
}

#[test]
fn test_items_are_left_out_and_their_lines_counted() {
    let source = "a;\n#[cfg(test)]\n#[x]\nmod tests {\n  fn f() { b }\n}\nc;\n#[cfg(test)]\nuse d;\ne";
    let all = tokens(source, Language::Rust);
    let (kept, test_lines) = without_tests(&all);
    let kept: Vec<&str> = kept.into_iter().map(|token| token.text).collect();
    assert_eq!((kept, test_lines), (vec!["a", ";", "c", ";", "e"], 7));
}
