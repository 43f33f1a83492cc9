// SPDX-License-Identifier: MPL-2.0
//! The modules of one package, and which of them each one needs.

use std::collections::BTreeMap;

use crate::modules::{Import, Module, Path, modules};
use crate::sources::Source;

/// Aliases of aliases that are followed.
const MAX_ALIASES: usize = 16;

pub struct Package {
    /// As other crates name it.
    pub name: String,
    pub files: Vec<File>,
    /// What any module names, and is not in the same file.
    pub references: Vec<Reference>,
    modules: Vec<Module>,
    /// The modules by their paths. Programs beside `lib.rs` are none: nobody can name them.
    by_path: BTreeMap<Path, usize>,
}

pub struct File {
    pub name: String,
    /// That of a program is the root.
    pub module: Path,
}

/// A module names something of this package.
pub struct Reference {
    pub from: usize,
    pub line: usize,
    /// As it is written.
    pub path: String,
    /// The same from the root of the package.
    pub absolute: Path,
    /// The module that the path names, as far as it names modules.
    pub named: Path,
    /// The file that defines what is named; `None` if that is another crate.
    pub defined: Option<usize>,
    /// A module is named, and nothing in it.
    pub is_module: bool,
}

impl Package {
    /// `sources` have paths relative to the package's `src`; `shown` is put before them.
    pub fn new(name: &str, shown: &str, sources: &[Source]) -> Self {
        let mut package = Self {
            name: name.to_owned(),
            files: Vec::new(),
            references: Vec::new(),
            modules: Vec::new(),
            by_path: BTreeMap::new(),
        };
        for source in sources.iter().filter(|source| !source.is_tests()) {
            let module = module_of(source);
            let read = modules(module.clone(), package.files.len(), source.tokens());
            package.files.push(File {
                name: format!("{shown}{}", source.path.display()),
                module,
            });
            for module in read {
                let known = package.modules.len();
                package.by_path.entry(module.path.clone()).or_insert(known);
                package.modules.push(module);
            }
        }
        package.references = package.read_references();
        package
    }

    /// The children of each module that has some in files of their own, by its path.
    pub fn folders(&self) -> BTreeMap<Path, Vec<String>> {
        let mut folders: BTreeMap<Path, Vec<String>> = BTreeMap::new();
        for file in &self.files {
            if let Some((name, folder)) = file.module.split_last() {
                folders
                    .entry(folder.to_vec())
                    .or_default()
                    .push(name.clone());
            }
        }
        folders
    }

    fn read_references(&self) -> Vec<Reference> {
        let mut all = Vec::new();
        for module in &self.modules {
            for import in &module.imports {
                let glob = import.name.is_none();
                if let Some(reference) = self.reference(module, &import.path, import.line)
                    && !self.is_door(module, import, &reference)
                {
                    let is_module = reference.is_module && !glob;
                    all.push(Reference {
                        is_module,
                        ..reference
                    });
                }
            }
            let paths = module.paths.iter();
            all.extend(paths.filter_map(|(path, line)| self.reference(module, path, *line)));
        }
        all.retain(|reference| reference.defined != Some(reference.from));
        all
    }

    /// Whether a module only passes on what is below it, and does not use it itself.
    fn is_door(&self, module: &Module, import: &Import, reference: &Reference) -> bool {
        let below = |path: &Path| path.starts_with(&module.path) && path != &module.path;
        let used = import.name.as_ref();
        import.public
            && reference
                .defined
                .is_some_and(|file| below(&self.files[file].module))
            && !used.is_some_and(|name| module.names.contains(name))
    }

    fn reference(&self, module: &Module, path: &[String], line: usize) -> Option<Reference> {
        let absolute = self.absolute(module, path, 0)?;
        let (named, _) = self.deepest_module(&absolute)?;
        let named = self.files[self.modules[named].file].module.clone();
        let defined = self.definition(&absolute, 0);
        Some(Reference {
            from: module.file,
            line,
            path: path.join("::"),
            named,
            defined: defined.map(|module| self.modules[module].file),
            is_module: self.by_path.contains_key(&absolute),
            absolute,
        })
    }

    /// A path as it is written in a module, from the root of the package; `None` if it leads out.
    fn absolute(&self, module: &Module, path: &[String], aliases: usize) -> Option<Path> {
        let (first, rest) = path.split_first()?;
        let below = |parent: &[String], rest: &[String]| Some([parent, rest].concat());
        match first.as_str() {
            "crate" => return below(&[], rest),
            "self" => return below(&module.path, rest),
            "super" => {
                let mut parent = module.path.as_slice();
                let mut rest = path;
                while let Some((word, after)) = rest.split_first()
                    && word == "super"
                {
                    parent = parent.split_last()?.1;
                    rest = after;
                }
                return below(parent, rest);
            }
            name if name == self.name => return below(&[], rest),
            _ => {}
        }
        let child = [module.path.as_slice(), &path[..1]].concat();
        if self.by_path.contains_key(&child) {
            return below(&child, rest);
        }
        let is_alias = |import: &&Import| {
            import.name.as_ref() == Some(first) && import.path.first() != Some(first)
        };
        let import = module.imports.iter().find(is_alias)?;
        if aliases > MAX_ALIASES {
            return None;
        }
        let alias = self.absolute(module, &import.path, aliases + 1)?;
        below(&alias, rest)
    }

    /// The module that a path from the root names, and how many names of the path that takes.
    fn deepest_module(&self, path: &[String]) -> Option<(usize, usize)> {
        (0..=path.len())
            .rev()
            .find_map(|length| Some((*self.by_path.get(&path[..length])?, length)))
    }

    /// The module that defines what a path from the root names, whatever doors it goes through.
    fn definition(&self, path: &[String], aliases: usize) -> Option<usize> {
        let (index, length) = self.deepest_module(path)?;
        let module = &self.modules[index];
        let Some(name) = path.get(length) else {
            return Some(index);
        };
        if module.items.contains(name) {
            return Some(index);
        }
        let further = |import: &Import, rest: &[String]| {
            let target = self.absolute(module, &import.path, 0)?;
            self.definition(&[target.as_slice(), rest].concat(), aliases + 1)
        };
        if aliases > MAX_ALIASES {
            return Some(index);
        }
        let called = |import: &&Import| import.name.as_ref() == Some(name);
        if let Some(import) = module.imports.iter().find(called) {
            return further(import, &path[length + 1..]);
        }
        let globs = module.imports.iter().filter(|import| import.name.is_none());
        let mut found = globs.filter_map(|glob| {
            let target = self.absolute(module, &glob.path, 0)?;
            let target = self.by_path.get(&target)?;
            let knows = |module: &Module| {
                let called = |import: &Import| import.name.as_ref() == Some(name);
                module.items.contains(name) || module.imports.iter().any(called)
            };
            knows(&self.modules[*target]).then(|| further(glob, &path[length..]))?
        });
        // What is not found is made by a macro of this module.
        found.next().or(Some(index))
    }
}

fn module_of(source: &Source) -> Path {
    let mut path: Path = source
        .path
        .with_extension("")
        .iter()
        .map(|part| part.to_string_lossy().into_owned())
        .collect();
    match path.last().map(String::as_str) {
        Some("mod") => drop(path.pop()),
        Some("lib" | "main") if path.len() == 1 => path.clear(),
        _ => {}
    }
    if path.first().is_some_and(|folder| folder == "bin") {
        path.clear();
    }
    path
}
