//! Circles: files that import each other, be it through others. What `pub use` hands on counts where it stands, so that
//! a module may list at its root what its files have.

use std::collections::{BTreeMap, BTreeSet};

use super::{CRATES, Source, all_sources, code};

/// Names from the crate down.
type ModulePath = Vec<String>;

struct Tree<'a> {
    /// Files by the modules that they are.
    files: BTreeMap<ModulePath, &'a str>,
    /// What a module hands on under a name.
    handed_on: BTreeMap<(ModulePath, String), ModulePath>,
}

struct Import {
    path: ModulePath,
    is_handed_on: bool,
}

/// The module that a file is.
fn module(path: &str) -> ModulePath {
    let mut names: ModulePath = path.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
    if !CRATES.contains(&&*names[0]) {
        names.insert(0, "tts-batch-api".to_owned());
    }
    if ["mod", "lib", "main"].contains(&&**names.last().unwrap()) {
        names.pop();
    }
    names
}

/// What the code imports outside of its tests.
fn imports(text: &str) -> Vec<Import> {
    let code = code(text);
    let code = code.split("mod tests {").next().unwrap_or(&code);
    let mut imports = Vec::new();
    for (at, keyword) in code.match_indices("use ") {
        let scope = code[..at].lines().next_back().unwrap_or_default().trim();
        let is_handed_on = scope.starts_with("pub");
        if !code[..at].ends_with('\n') && !scope.is_empty() && !is_handed_on {
            continue;
        }
        let tree = code[at + keyword.len()..].split(';').next().unwrap_or_default();
        expand(&[], tree, &mut |path| imports.push(Import { path, is_handed_on }));
    }
    imports
}

/// Every path of a tree such as `a::{b, c::{d, e}}`.
fn expand(before: &[String], tree: &str, each: &mut impl FnMut(ModulePath)) {
    let mut depth = 0;
    let entries = tree.split(|c| {
        depth += i32::from(c == '{') - i32::from(c == '}');
        c == ',' && depth == 0
    });
    for entry in entries.map(str::trim).filter(|entry| !entry.is_empty()) {
        let (path, group) = entry.split_once('{').map_or((entry, None), |(path, group)| (path, group.rsplit_once('}')));
        let names =
            path.split(" as ").next().unwrap_or(path).split("::").map(str::trim).filter(|name| !name.is_empty());
        let path = [before, &names.map(str::to_owned).collect::<Vec<_>>()].concat();
        match group {
            Some((group, _)) => expand(&path, group, each),
            None => each(path),
        }
    }
}

// === impl Tree ===

impl<'a> Tree<'a> {
    fn new(sources: &'a [Source]) -> Self {
        let files = sources.iter().map(|source| (module(&source.path), &*source.path)).collect();
        let mut handed_on = BTreeMap::new();
        for source in sources {
            for Import { path, .. } in imports(&source.text).into_iter().filter(|import| import.is_handed_on) {
                if let Some(name) = path.last().cloned() {
                    handed_on.insert((module(&source.path), name), path);
                }
            }
        }
        Self { files, handed_on }
    }

    /// The file that has what `path` names where it is written in the module `at`; `None`: another crate has it.
    fn file(&self, at: &[String], path: &[String]) -> Option<&'a str> {
        let (mut found, mut left) = match path.first().map(String::as_str)? {
            "crate" => (at[..1].to_vec(), &path[1..]),
            "self" => (at.to_vec(), &path[1..]),
            "super" => {
                let up = path.iter().take_while(|name| *name == "super").count();
                (at[..at.len().checked_sub(up)?].to_vec(), &path[up..])
            }
            first => {
                let inner = [at, &[first.to_owned()]].concat();
                self.files.contains_key(&inner).then_some((inner, &path[1..]))?
            }
        };
        while let Some((name, rest)) = left.split_first() {
            let inner = [&*found, std::slice::from_ref(name)].concat();
            if !self.files.contains_key(&inner) {
                let elsewhere = self.handed_on.get(&(found.clone(), name.clone()));
                return elsewhere.and_then(|path| self.file(&found, path)).or_else(|| self.files.get(&found).copied());
            }
            (found, left) = (inner, rest);
        }
        self.files.get(&found).copied()
    }
}

/// The files of each circle. Whoever is reached by what it reaches is in one.
fn circles(sources: &[Source]) -> BTreeSet<Vec<&str>> {
    let tree = Tree::new(sources);
    let imported = |source: &Source| {
        let at = module(&source.path);
        let own = imports(&source.text).into_iter().filter(|import| !import.is_handed_on);
        own.filter_map(|import| tree.file(&at, &import.path)).collect::<BTreeSet<_>>()
    };
    let arrows: BTreeMap<&str, BTreeSet<&str>> =
        sources.iter().map(|source| (&*source.path, imported(source))).collect();
    let reached = |from: &str| {
        let (mut reached, mut left) = (BTreeSet::new(), vec![from]);
        while let Some(file) = left.pop() {
            for next in arrows.get(file).into_iter().flatten().filter(|next| **next != file) {
                if reached.insert(*next) {
                    left.push(next);
                }
            }
        }
        reached
    };
    let all: BTreeMap<&str, BTreeSet<&str>> = arrows.keys().map(|file| (*file, reached(file))).collect();
    let circle_of = |file: &&str| all[file].iter().filter(|other| all[**other].contains(file)).copied().collect();
    arrows.keys().filter(|file| all[**file].contains(**file)).map(circle_of).collect()
}

#[test]
fn no_two_files_import_each_other() {
    let sources = all_sources();

    let circles: Vec<String> = circles(&sources).iter().map(|files| files.join(" <-> ")).collect();

    assert!(circles.is_empty(), "\n{}", circles.join("\n"));
}

#[test]
fn files_that_import_each_other_are_found() {
    let file = |path: &str, text: &str| Source { path: path.to_owned(), text: text.to_owned() };
    let sources = [
        file("a/mod.rs", "mod b;\nmod c;\npub use b::{B, E};\n"),
        file("a/b.rs", "use super::c::{self, C};\n"),
        file("a/c.rs", "use std::fmt;\n\nuse crate::d::{D, e as f};\n"),
        file("d.rs", "fn f() {\n    use crate::a::{B};\n}\n"),
        // One way, and only in tests the other way.
        file("e.rs", "use crate::d;\n"),
        file("g.rs", "use crate::e::X;\n// use crate::h;\n"),
        file("h.rs", "use crate::g::Y;\nmod tests {\n    use crate::e;\n}\n"),
        file("piper-acoustic/lib.rs", "mod x;\npub use x::X;\n"),
        file("piper-acoustic/x.rs", "use crate::y::Y;\n"),
        file("piper-acoustic/y.rs", "use crate::X;\n"),
    ];

    let found = circles(&sources);

    let expected = [vec!["a/b.rs", "a/c.rs", "d.rs"], vec!["piper-acoustic/x.rs", "piper-acoustic/y.rs"]];
    assert_eq!(found, expected.into());
}
