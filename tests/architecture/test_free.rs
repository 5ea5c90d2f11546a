//! Strips the tests from a Rust text: what remains is the code that ships.

use proc_macro2::{Group, TokenStream, TokenTree};
use syn::parse::{ParseStream, Parser};
use syn::spanned::Spanned;
use syn::{Attribute, Item, Token};

/// A text without its tests, and how many lines the tests took.
pub(crate) struct TestFree {
    pub(crate) code: TokenStream,
    pub(crate) test_lines: usize,
}

impl TestFree {
    /// # Errors
    /// The text is not valid Rust, or `#[cfg(test)]` precedes something that is not an item.
    pub(crate) fn read(text: &str) -> syn::Result<Self> {
        kept.parse_str(text.strip_prefix('\u{feff}').unwrap_or(text))
    }
}

fn kept(input: ParseStream<'_>) -> syn::Result<TestFree> {
    let mut rest = TestFree { code: TokenStream::new(), test_lines: 0 };
    while !input.is_empty() {
        if begins_test(input) {
            let item: Item = input.parse()?;
            rest.test_lines += item.span().end().line - item.span().start().line + 1;
            continue;
        }
        let mut tree: TokenTree = input.parse()?;
        if let TokenTree::Group(group) = &mut tree {
            let inner = kept.parse2(group.stream())?;
            let span = group.span();
            *group = Group::new(group.delimiter(), inner.code);
            group.set_span(span);
            rest.test_lines += inner.test_lines;
        }
        rest.code.extend([tree]);
    }
    Ok(rest)
}

fn begins_test(input: ParseStream<'_>) -> bool {
    input.peek(Token![#])
        && Attribute::parse_outer(&input.fork()).is_ok_and(|attributes| attributes.iter().any(is_for_tests))
}

/// Returns whether the attribute is `#[cfg(test)]`, alone or within `all(…)`.
fn is_for_tests(attribute: &Attribute) -> bool {
    let mut found = false;
    if attribute.path().is_ident("cfg") {
        // Anything that is not a plain name (`feature = "x"`) ends the search.
        let _ = attribute.parse_nested_meta(|meta| {
            if meta.path.is_ident("all") {
                return meta.parse_nested_meta(|inner| {
                    found |= inner.path.is_ident("test");
                    Ok(())
                });
            }
            found |= meta.path.is_ident("test");
            Ok(())
        });
    }
    found
}
