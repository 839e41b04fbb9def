//! A benchmark's section of BENCHMARKS.md: its tables, and its plots in `docs/benchmarks`.

use std::fs;
use std::path::{Path, PathBuf};

use crate::{machine, rounds};

/// What a benchmark has to say, as Markdown. All of it is printed. With `--save` among the program's
/// arguments it also replaces the benchmark's section of BENCHMARKS.md.
pub struct Section {
    name: &'static str,
    text: String,
    plots: Vec<(String, String)>,
}

impl Section {
    #[must_use]
    pub fn new(name: &'static str) -> Self {
        Self { name, text: String::new(), plots: Vec::new() }
    }

    /// Adds a paragraph.
    pub fn text(&mut self, paragraph: &str) {
        self.text.extend([paragraph, "\n\n"]);
    }

    /// Adds a table.
    pub fn table<R: AsRef<[String]>>(&mut self, head: &[&str], rows: impl IntoIterator<Item = R>) {
        self.row(head);
        self.row(&vec!["---"; head.len()]);
        for row in rows {
            self.row(&row.as_ref().iter().map(String::as_str).collect::<Vec<_>>());
        }
        self.text.push('\n');
    }

    fn row(&mut self, cells: &[&str]) {
        self.text.extend(["| ", &cells.join(" | "), " |\n"]);
    }

    /// Adds a plot, which is saved as `docs/benchmarks/FILE.svg`.
    pub fn plot(&mut self, file: &str, what: &str, svg: String) {
        self.text(&format!("![{what}](docs/benchmarks/{file}.svg)"));
        self.plots.push((format!("{file}.svg"), svg));
    }

    /// Prints the section, and saves it if `--save` asks for it.
    ///
    /// # Panics
    ///
    /// If BENCHMARKS.md cannot be written, or has no such section.
    pub fn finish(self) {
        println!("{}", self.text.trim_end());
        if !std::env::args().any(|argument| argument == "--save") {
            return;
        }
        let root = root();
        let plots = root.join("docs/benchmarks");
        fs::create_dir_all(&plots).expect("a writable directory");
        for (file, svg) in &self.plots {
            fs::write(plots.join(file), svg).expect("a writable file");
        }
        let document = root.join("BENCHMARKS.md");
        let text = fs::read_to_string(&document).expect("BENCHMARKS.md");
        let text = replace(&text, "machine", &machine::describe());
        let text = replace(&text, self.name, &self.text);
        fs::write(document, text).expect("a writable file");
    }
}

/// The repository, or a copy of BENCHMARKS.md in `target` if the figures are quick and rough ones.
fn root() -> PathBuf {
    let benches = Path::new(env!("CARGO_MANIFEST_DIR"));
    if !rounds::is_quick() {
        return benches.join("..");
    }
    let quick = benches.join("target/quick");
    if !quick.join("BENCHMARKS.md").exists() {
        fs::create_dir_all(&quick).expect("a writable directory");
        fs::copy(benches.join("../BENCHMARKS.md"), quick.join("BENCHMARKS.md")).expect("a copy");
    }
    quick
}

/// The document with `text` between the two comments that name the section.
fn replace(document: &str, name: &str, text: &str) -> String {
    let [begin, end] = ["begin", "end"].map(|side| format!("<!-- {side} {name} -->\n"));
    let parts = document.split_once(&begin).and_then(|(before, rest)| {
        let (_, after) = rest.split_once(&end)?;
        Some(format!("{before}{begin}\n{}\n\n{end}{after}", text.trim()))
    });
    parts.unwrap_or_else(|| panic!("BENCHMARKS.md has no section {name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_replaces_its_own_text_alone() {
        let document =
            "a\n<!-- begin x -->\nold\n<!-- end x -->\nb\n<!-- begin y -->\n<!-- end y -->\n";
        let expected = document.replace("old", "\nnew\n");
        let once = replace(document, "x", "new\n\n");
        assert_eq!(once, expected);
        assert_eq!(replace(&once, "x", "new"), expected);
    }

    #[test]
    fn a_table_has_a_cell_for_each_text() {
        let mut section = Section::new("x");
        section.table(&["a", "b"], [["1".to_owned(), "2".to_owned()]]);
        assert_eq!(section.text, "| a | b |\n| --- | --- |\n| 1 | 2 |\n\n");
    }
}
