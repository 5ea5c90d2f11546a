//! Collects the names in a Rust file: every path, its place, and what the file imports. `syn` parses the
//! text. The arguments of a macro need not be Rust before the macro has run, so paths in them are found word
//! by word.

use crate::test_free::TestFree;
use proc_macro2::{Delimiter, Ident, Spacing, TokenStream, TokenTree};
use std::collections::BTreeSet;
use syn::visit::{self, Visit};
use syn::{Attribute, UseTree, Visibility};

/// One segment of a path.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub(crate) text: String,
    pub(crate) line: usize,
}

/// A path as it is written in the text.
#[derive(Debug)]
pub(crate) struct Named {
    pub(crate) parts: Vec<Part>,
    /// The module that contains the path.
    pub(crate) from: Vec<String>,
    pub(crate) import: Option<Import>,
}

/// A name that a `use` imports.
#[derive(Clone, Debug)]
pub(crate) struct Import {
    /// The name under which the file uses it.
    pub(crate) name: String,
    /// True if the name is re-exported (`pub use`).
    pub(crate) shared: bool,
}

impl Named {
    /// The path from the root of the crate, or None if the path begins with an imported name or with a crate.
    pub(crate) fn absolute(&self) -> Option<Vec<Part>> {
        let mut base = match self.parts[0].text.as_str() {
            "crate" => &[],
            "self" | "super" => &self.from[..],
            _ => return None,
        };
        let mut parts = &self.parts[..];
        while let [Part { text, .. }, rest @ ..] = parts {
            match text.as_str() {
                "crate" | "self" => {}
                "super" => base = &base[..base.len().saturating_sub(1)],
                _ => break,
            }
            parts = rest;
        }
        let line = self.parts[0].line;
        let above = base.iter().map(|text| Part { text: text.clone(), line });
        Some(above.chain(parts.iter().cloned()).collect())
    }
}

/// A parsed file of src.
#[derive(Debug, Default)]
pub(crate) struct Source {
    pub(crate) named: Vec<Named>,
    /// The words and signs outside string literals and comments, in order.
    pub(crate) words: Vec<Part>,
    /// The modules that the file declares.
    pub(crate) modules: BTreeSet<String>,
    /// The lints that are denied for the whole file.
    pub(crate) denied: BTreeSet<String>,
    /// Number of lines without tests.
    pub(crate) lines: usize,
    /// The module that the visitor is in.
    inside: Vec<String>,
}

impl Source {
    /// # Errors
    /// The text is not valid Rust.
    pub(crate) fn read(path: &str, text: &str) -> syn::Result<Self> {
        let mut source = Self { inside: module_path(path), ..Self::default() };
        if is_test_file(path) {
            return Ok(source);
        }
        let TestFree { code, test_lines } = TestFree::read(text)?;
        source.lines = text.lines().count() - test_lines;
        source.words = words(&code);
        let file: syn::File = syn::parse2(code)?;
        source.denied = file.attrs.iter().flat_map(denied).collect();
        source.visit_file(&file);
        Ok(source)
    }

    fn add(&mut self, parts: Vec<Part>, import: Option<Import>) {
        if !parts.is_empty() {
            self.named.push(Named { parts, from: self.inside.clone(), import });
        }
    }

    /// Adds every name that a `use` imports, with the path that leads to it.
    fn add_uses(&mut self, tree: &UseTree, above: &[Part], shared: bool) {
        let with = |ident: &Ident| [above, &[part(ident)]].concat();
        let import = |name: &Ident| Some(Import { name: name.to_string(), shared });
        match tree {
            UseTree::Path(path) => self.add_uses(&path.tree, &with(&path.ident), shared),
            UseTree::Group(group) => group.items.iter().for_each(|item| self.add_uses(item, above, shared)),
            UseTree::Name(name) if name.ident == "self" => {
                let last = above.last().map(|part| part.text.clone());
                self.add(above.to_vec(), last.map(|name| Import { name, shared }));
            }
            UseTree::Name(name) => self.add(with(&name.ident), import(&name.ident)),
            UseTree::Rename(rename) if rename.ident == "self" => {
                self.add(above.to_vec(), import(&rename.rename));
            }
            UseTree::Rename(rename) => self.add(with(&rename.ident), import(&rename.rename)),
            UseTree::Glob(glob) => {
                let all = Part { text: "*".into(), line: glob.star_token.spans[0].start().line };
                self.add([above, &[all]].concat(), Some(Import { name: "*".into(), shared }));
            }
        }
    }

    /// Adds the paths among the arguments of a macro; paths in a group `above::{a, b}` get the prefix
    /// `above`.
    fn add_loose(&mut self, tokens: TokenStream, above: &[Part]) {
        let mut parts = above.to_vec();
        let (mut colon, mut continued) = (false, true);
        for tree in tokens {
            match tree {
                TokenTree::Ident(ident) => {
                    if !continued {
                        self.add(std::mem::take(&mut parts), None);
                    }
                    parts.push(part(&ident));
                    (colon, continued) = (false, false);
                }
                TokenTree::Punct(sign) if sign.as_char() == ':' => {
                    continued = colon;
                    colon = sign.spacing() == Spacing::Joint;
                }
                TokenTree::Group(group) if continued && group.delimiter() == Delimiter::Brace => {
                    self.add_loose(group.stream(), &std::mem::take(&mut parts));
                }
                other => {
                    self.add(std::mem::replace(&mut parts, above.to_vec()), None);
                    (colon, continued) = (false, true);
                    if let TokenTree::Group(group) = other {
                        self.add_loose(group.stream(), &[]);
                    }
                }
            }
        }
        self.add(parts, None);
    }
}

impl<'ast> Visit<'ast> for Source {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        self.modules.insert(item.ident.to_string());
        self.inside.push(item.ident.to_string());
        visit::visit_item_mod(self, item);
        self.inside.pop();
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.add_uses(&item.tree, &[], !matches!(item.vis, Visibility::Inherited));
    }

    fn visit_item_extern_crate(&mut self, item: &'ast syn::ItemExternCrate) {
        self.add(vec![part(&item.ident)], Some(Import { name: item.ident.to_string(), shared: false }));
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        self.add(path.segments.iter().map(|segment| part(&segment.ident)).collect(), None);
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, called: &'ast syn::Macro) {
        visit::visit_macro(self, called);
        self.add_loose(called.tokens.clone(), &[]);
    }

    fn visit_meta_list(&mut self, list: &'ast syn::MetaList) {
        visit::visit_meta_list(self, list);
        self.add_loose(list.tokens.clone(), &[]);
    }
}

/// The module of a file: `core::wire` for `src/core/wire.rs`, `core` for `src/core/mod.rs`.
pub(crate) fn module_path(path: &str) -> Vec<String> {
    let inside = path.trim_start_matches("src/").trim_end_matches(".rs");
    inside.split('/').filter(|part| !matches!(*part, "mod" | "lib" | "main")).map(String::from).collect()
}

/// The words and signs of a text in order, with `::` as one. String literals and comments (to `syn`, doc
/// comments are strings) are left out.
pub(crate) fn words(code: &TokenStream) -> Vec<Part> {
    let mut found: Vec<Part> = Vec::new();
    let mut colon = false;
    for tree in code.clone() {
        let line = tree.span().start().line;
        let second = colon;
        colon = false;
        match tree {
            TokenTree::Ident(ident) => found.push(part(&ident)),
            TokenTree::Group(group) => {
                found.push(Part { text: "(".into(), line });
                found.extend(words(&group.stream()));
            }
            TokenTree::Punct(sign) if sign.as_char() == ':' && second => {
                found.last_mut().expect("the first colon").text.push(':');
            }
            TokenTree::Punct(sign) => {
                colon = sign.as_char() == ':' && sign.spacing() == Spacing::Joint;
                found.push(Part { text: sign.as_char().into(), line });
            }
            TokenTree::Literal(_) => found.push(Part { text: "\"".into(), line }),
        }
    }
    found
}

/// The lints that a file-level attribute denies.
fn denied(attribute: &Attribute) -> Vec<String> {
    let mut lints = Vec::new();
    if attribute.path().is_ident("deny") {
        // Anything that is not a lint (`reason = "x"`) ends the list.
        let _ = attribute.parse_nested_meta(|lint| {
            lints.push(words_of(&lint.path));
            Ok(())
        });
    }
    lints
}

fn words_of(path: &syn::Path) -> String {
    path.segments.iter().map(|segment| segment.ident.to_string()).collect::<Vec<_>>().join("::")
}

fn part(ident: &Ident) -> Part {
    Part { text: ident.to_string(), line: ident.span().start().line }
}

pub(crate) fn is_test_file(path: &str) -> bool {
    path.ends_with("/tests.rs") || path.contains("/tests/")
}
