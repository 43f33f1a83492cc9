// SPDX-License-Identifier: MPL-2.0
//! What a module of Rust is made of, as far as it tells which other modules it needs: its own items,
//! what it imports, and the paths that its code names.

use std::collections::BTreeSet;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use crate::sources::after_test_item;

/// Names from the root of a crate: `["room", "link"]` is `crate::room::link`.
pub type Path = Vec<String>;

/// One `use`, taken apart: `use a::{b, c as d, e::*}` is three.
pub struct Import {
    /// As it is written, from its first name on.
    pub path: Path,
    /// What it is called here; `None` for `*`.
    pub name: Option<String>,
    /// It is a re-export.
    pub public: bool,
    pub line: usize,
}

/// A file, or a `mod name { … }` in a file.
#[derive(Default)]
pub struct Module {
    pub path: Path,
    /// Which of the package's files it is in.
    pub file: usize,
    /// What is defined here, but for what macros define.
    pub items: BTreeSet<String>,
    pub imports: Vec<Import>,
    /// The paths of several names that the code has, and their lines.
    pub paths: Vec<(Path, usize)>,
    /// Every name in the code outside of imports.
    pub names: BTreeSet<String>,
}

/// The module of a file and those inside it. What is under `#[cfg(test)]` is none.
pub fn modules(path: Path, file: usize, tokens: TokenStream) -> Vec<Module> {
    let mut read = Reader {
        module: Module {
            path,
            file,
            ..Module::default()
        },
        inner: Vec::new(),
    };
    read.tokens(tokens, true);
    read.inner.insert(0, read.module);
    read.inner
}

struct Reader {
    module: Module,
    inner: Vec<Module>,
}

const ITEMS: [&str; 8] = [
    "const", "enum", "fn", "static", "struct", "trait", "type", "union",
];

impl Reader {
    /// `items`: names after `fn`, `struct` and so on are those of the module.
    fn tokens(&mut self, tokens: TokenStream, items: bool) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut at = 0;
        while at < tokens.len() {
            let rest = &tokens[at..];
            at = match after_test_item(rest) {
                Some(after) => tokens.len() - after.len(),
                None => at + self.next(&tokens, at, items),
            };
        }
    }

    /// Reads what begins with this token, and says how many tokens it has.
    fn next(&mut self, tokens: &[TokenTree], at: usize, items: bool) -> usize {
        let rest = &tokens[at..];
        match rest {
            // Attributes name nothing of this package.
            [TokenTree::Punct(hash), TokenTree::Group(_), ..] if hash.as_char() == '#' => 2,
            [TokenTree::Ident(public), TokenTree::Group(to), ..]
                if public == "pub" && to.delimiter() == Delimiter::Parenthesis =>
            {
                2
            }
            [TokenTree::Ident(word), next, ..] if word == "use" && !is(next, '<') => {
                let end = rest.iter().position(|token| is(token, ';'));
                let end = end.unwrap_or(rest.len());
                let public = is_public(&tokens[..at]);
                self.import(&rest[1..end], &[], public);
                end
            }
            [
                TokenTree::Ident(word),
                TokenTree::Ident(name),
                TokenTree::Group(body),
                ..,
            ] if word == "mod" => {
                let mut path = self.module.path.clone();
                path.push(name.to_string());
                let inner = modules(path, self.module.file, body.stream());
                self.inner.extend(inner);
                3
            }
            [TokenTree::Ident(word), ..] => {
                let begins = begins_path(&tokens[..at]);
                self.name(rest, word.to_string(), items, begins)
            }
            [TokenTree::Group(group), ..] => {
                self.tokens(group.stream(), false);
                1
            }
            _ => 1,
        }
    }

    fn name(&mut self, rest: &[TokenTree], word: String, items: bool, begins: bool) -> usize {
        let line = rest[0].span().start().line;
        if items
            && ITEMS.contains(&word.as_str())
            && let Some(TokenTree::Ident(name)) = rest.get(1)
        {
            self.module.items.insert(name.to_string());
        }
        if let [_, bang, TokenTree::Ident(name), ..] = rest
            && word == "macro_rules"
            && is(bang, '!')
        {
            self.module.items.insert(name.to_string());
        }
        self.module.names.insert(word.clone());
        let mut path = vec![word];
        let mut read = 1;
        while let [a, b, TokenTree::Ident(name), ..] = &rest[read..]
            && is(a, ':')
            && is(b, ':')
        {
            path.push(name.to_string());
            read += 3;
        }
        if let [bang, TokenTree::Group(body), ..] = &rest[read..]
            && path.last().is_some_and(|name| name == "wrapper")
            && is(bang, '!')
        {
            self.wrapper(body.stream());
            return read + 2;
        }
        if path.len() > 1 && begins {
            self.module.paths.push((path, line));
        }
        read
    }

    /// `glib::wrapper!` defines a type and says where its implementation is, which names the type in
    /// turn: to whoever looks from outside this is a door.
    fn wrapper(&mut self, body: TokenStream) {
        let body: Vec<TokenTree> = body.into_iter().collect();
        for words in body.windows(2) {
            if let [TokenTree::Ident(word), TokenTree::Ident(name)] = words
                && word == "struct"
            {
                self.module.items.insert(name.to_string());
            }
        }
    }

    fn import(&mut self, tokens: &[TokenTree], before: &[String], public: bool) {
        let mut path = before.to_vec();
        let line = tokens.first().map_or(0, |token| token.span().start().line);
        let mut push = |path: Path, name: Option<String>| {
            self.module.imports.push(Import {
                path,
                name,
                public,
                line,
            });
        };
        let mut rest = tokens;
        while let Some((token, after)) = rest.split_first() {
            match token {
                // `::name` is another crate's.
                TokenTree::Punct(colon) if colon.as_char() == ':' && path.is_empty() => return,
                TokenTree::Punct(star) if star.as_char() == '*' => return push(path, None),
                TokenTree::Ident(word) if word == "as" => {
                    let name = after.first().map(ToString::to_string);
                    return push(path, Some(name.unwrap_or_default()));
                }
                TokenTree::Ident(word) if word == "self" && !path.is_empty() => {}
                TokenTree::Ident(word) => path.push(word.to_string()),
                TokenTree::Group(several) => {
                    let several: Vec<TokenTree> = several.stream().into_iter().collect();
                    for one in several.split(|token| is(token, ',')) {
                        self.import(one, &path, public);
                    }
                    return;
                }
                _ => {}
            }
            rest = after;
        }
        if let Some(name) = path.last().cloned() {
            push(path, Some(name));
        }
    }
}

fn is(token: &TokenTree, character: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == character)
}

/// Whether these tokens end in `pub` or `pub(…)`.
fn is_public(before: &[TokenTree]) -> bool {
    let public = |token: &TokenTree| matches!(token, TokenTree::Ident(word) if word == "pub");
    match before {
        [.., word, TokenTree::Group(to)] => {
            to.delimiter() == Delimiter::Parenthesis && public(word)
        }
        [.., word] => public(word),
        [] => false,
    }
}

/// Whether a name after these tokens is the first of its path: not after `::`, nor after `.` unless
/// that is a range's.
fn begins_path(before: &[TokenTree]) -> bool {
    match before {
        [.., first, second] if is(second, ':') => !is(first, ':'),
        [.., first, second] if is(second, '.') => is(first, '.'),
        _ => true,
    }
}
