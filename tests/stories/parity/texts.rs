//! What the documents say of the code.

use std::path::Path;

use super::{ROOT, file, names};

/// The stories that a text names, `module::test`.
fn named(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').filter(|name| name.contains("::") && *name != "module::test" && !name.contains(' '))
}

fn is_there(name: &str) -> bool {
    let (module, test) = name.rsplit_once("::").unwrap();
    let (path, line) = match module {
        "page" => ("infra/page/test_accept.py".to_owned(), format!("def {test}(")),
        "reset_page" => ("infra/page/test_reset.py".to_owned(), format!("def {test}(")),
        "email_page" => ("infra/page/test_email.py".to_owned(), format!("def {test}(")),
        "terminal" => ("infra/local/tests/terminal.rs".to_owned(), format!("fn {test}()")),
        story => (format!("tests/stories/{}.rs", story.replace("::", "/")), format!("fn {test}()")),
    };
    let source = std::fs::read_to_string(Path::new(ROOT).join(path)).unwrap_or_default();
    source.contains(&line)
}

#[test]
fn the_list_of_hazards_names_stories_that_are_there() {
    let list = file("tests/README.md");
    let missing: Vec<&str> = named(&list).filter(|name| !is_there(name)).collect();
    assert!(missing.is_empty(), "tests/README.md names what isn't there: {missing:?}");
    let readme = file("README.md");
    let (_, does) = readme.split_once("## What it does").unwrap();
    let does = does.split_once("\n## ").unwrap().0;
    let missing: Vec<&str> = named(does).filter(|name| !is_there(name)).collect();
    assert!(missing.is_empty() && named(does).count() > 10, "README.md names what isn't there: {missing:?}");
    assert!(named(&list).count() > 40);
}

#[test]
fn the_readme_says_what_each_function_serves() {
    let readme = file("README.md");
    let (_, list) = readme.split_once("| function | serves ").unwrap();
    let list = list.split_once("\n\n").unwrap().0;
    for function in names("functions") {
        assert!(list.contains(&format!("`{function}`")), "{function} in README.md");
    }
}

#[test]
fn every_guarantee_has_its_stories() {
    let list = file("tests/README.md");
    for number in 1..=14 {
        let row = list.lines().find(|line| line.starts_with(&format!("| **G{number}** ")));
        let row = row.unwrap_or_else(|| panic!("G{number} in tests/README.md"));
        assert!(named(row).count() > 0, "G{number} has no story in tests/README.md");
    }
}

#[test]
fn every_link_in_the_documents_leads_somewhere() {
    for document in ["README.md", "infra/README.md", "tests/README.md", "SECURITY.md"] {
        let folder = Path::new(ROOT).join(document).parent().unwrap().to_owned();
        for link in file(document).split("](").skip(1) {
            let link = link.split(')').next().unwrap();
            if !link.starts_with('#') && !link.contains("://") {
                let path = link.split('#').next().unwrap();
                assert!(folder.join(path).exists(), "{document}: {link}");
            }
        }
    }
}

#[test]
fn the_page_has_a_word_for_every_role() {
    let page = file("functions/console/pages/accept.js");
    for role in policy::Role::ALL {
        assert!(page.contains(&format!("{role}: '")), "{role} in functions/console/pages/accept.js");
    }
}
