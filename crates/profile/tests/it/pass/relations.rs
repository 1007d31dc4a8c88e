//! What is said of relations and of two together, held against a naive model.

use super::{Files, relation, run};
use bordereau_profile::document::{CandidateKey, RelationLink, RelationProfile};
use proptest::prelude::*;
use std::collections::{BTreeMap, HashMap, HashSet};

fn keys(relation: &RelationProfile) -> Vec<Vec<&str>> {
    relation.candidate_keys.iter().map(|key| key.columns.iter().map(String::as_str).collect()).collect()
}

fn csv(header: &str, rows: &[Vec<String>]) -> String {
    rows.iter().fold(format!("{header}\n"), |text, row| text + &row.join(",") + "\n")
}

/// Values of which some are null in more than one way.
fn value(kinds: u32) -> impl Strategy<Value = String> {
    (0..kinds).prop_map(move |n| match n {
        0 if kinds > 3 => String::new(),
        n => format!("v{n}"),
    })
}

fn is_null(value: &str) -> bool {
    value.is_empty()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn rows_and_keys_are_what_sets_say(
        rows in prop::collection::vec((value(60), value(3), value(2), value(400)), 2..40),
    ) {
        let rows: Vec<Vec<String>> = rows.into_iter().map(|(a, b, c, d)| vec![a, b, c, d]).collect();
        let found = relation("a.csv", csv("a,b,c,d", &rows).as_bytes());
        let distinct: HashSet<&Vec<String>> = rows.iter().collect();
        prop_assert_eq!(found.rows, rows.len() as u64);
        prop_assert_eq!(found.duplicate_rows.count.value, (rows.len() - distinct.len()) as u64);
        prop_assert!(found.duplicate_rows.count.exact);
        let names = |set: &[usize]| {
            let met: HashSet<Vec<&String>> =
                rows.iter().map(|row| set.iter().map(|&at| &row[at]).collect()).collect();
            met.len() == rows.len() && !rows.iter().any(|row| set.iter().any(|&at| is_null(&row[at])))
        };
        let singles = (0..4).filter(|at| names(&[*at]));
        let singles: Vec<Vec<&str>> = singles.map(|at| vec!["abcd".get(at..=at).unwrap()]).collect();
        let found_keys = keys(&found);
        if singles.is_empty() {
            for CandidateKey { columns, exact } in &found.candidate_keys {
                let set: Vec<usize> = columns.iter().map(|name| "abcd".find(name.as_str()).unwrap()).collect();
                prop_assert!(*exact && names(&set) && set.len() > 1);
                for left_out in 0..set.len() {
                    let mut fewer = set.clone();
                    fewer.remove(left_out);
                    prop_assert!(!names(&fewer), "{:?} is not the least", columns);
                }
            }
            prop_assert_eq!(names(&[0, 1]), found_keys.contains(&vec!["a", "b"]));
        } else {
            prop_assert_eq!(found_keys, singles);
        }
    }

    #[test]
    fn links_are_what_maps_say(
        parents in prop::collection::vec((0_u32..40, 0_u32..3), 1..30),
        children in prop::collection::vec((0_u32..50, 0_u32..4), 1..60),
    ) {
        let text = |n: u32, null: u32| if n == null { String::new() } else { format!("p{n}") };
        let parents: HashSet<(u32, u32)> = parents.into_iter().collect();
        let mut parents: Vec<(u32, u32)> = parents.into_iter().collect();
        parents.sort_unstable();
        let other = |n: usize| format!("x{}", n % 2);
        let parent_row = |(n, (a, b)): (usize, &(u32, u32))| vec![text(*a, 99), format!("d{b}"), other(n)];
        let child_row = |(n, (a, b)): (usize, &(u32, u32))| vec![format!("d{b}"), text(*a, 99), other(n)];
        let parent = csv("policy,date,region", &parents.iter().enumerate().map(parent_row).collect::<Vec<_>>());
        let child = csv(" Date,POLICY,class", &children.iter().enumerate().map(child_row).collect::<Vec<_>>());
        let files = Files::zip(&[("parent.csv", parent.as_bytes()), ("child.csv", child.as_bytes())]);
        let profile = run(&files.open("book.zip").unwrap(), 2).unwrap().1.profile;
        for link in &profile.links {
            check_link(link, &parents, &children);
        }
        let repeated = children.len() > children.iter().collect::<HashSet<_>>().len();
        let meet = children.iter().any(|child| parents.contains(child));
        prop_assert!(!profile.links.is_empty() || !meet || !repeated);
    }
}

/// A link of the two relations above, whichever is the parent and whatever columns it goes by.
fn check_link(link: &RelationLink, parents: &[(u32, u32)], children: &[(u32, u32)]) {
    let (parents, children) = if link.parent == "parent" { (parents, children) } else { (children, parents) };
    let columns: Vec<String> = link.columns.iter().map(|name| name.to_lowercase()).collect();
    let key = |row: &(u32, u32)| -> (Option<u32>, Option<u32>) {
        let has = |name: &str| columns.iter().any(|column| column == name);
        (has("policy").then_some(row.0), has("date").then_some(row.1))
    };
    let mut of_parent: BTreeMap<_, u64> = parents.iter().map(|row| (key(row), 0)).collect();
    assert_eq!(of_parent.len(), parents.len());
    let mut orphans = 0;
    for child in children {
        match of_parent.get_mut(&key(child)) {
            Some(count) => *count += 1,
            None => orphans += 1,
        }
    }
    assert!(link.parent_is_unique && link.orphans.exact);
    assert_eq!(link.orphans.value, orphans);
    assert_eq!(link.childless.value, of_parent.values().filter(|count| **count == 0).count() as u64);
    assert_eq!(link.children.min, *of_parent.values().min().unwrap());
    assert_eq!(link.children.max, *of_parent.values().max().unwrap());
    let mut distribution: HashMap<u64, u64> = HashMap::new();
    of_parent.values().for_each(|count| *distribution.entry((*count).min(20)).or_default() += 1);
    assert_eq!(link.children.distribution.iter().copied().collect::<HashMap<_, _>>(), distribution);
}

#[test]
fn policies_and_their_classes_are_linked() {
    let policies: Vec<Vec<String>> =
        (0..500).map(|n| vec![format!("P{}", n / 2), format!("2024-0{}-01", n % 2 + 1), "CO".into()]).collect();
    let classes: Vec<Vec<String>> = (0..1_500)
        .map(|n| vec![format!("P{}", n / 6 + 10), format!("2024-0{}-01", n % 2 + 1), format!("{:04}", n / 2 % 3)])
        .collect();
    let files = Files::zip(&[
        ("insured.csv", csv("policy,effective,state", &policies).as_bytes()),
        ("class.csv", csv("policy,effective,class_code", &classes).as_bytes()),
    ]);
    let profile = run(&files.open("book.zip").unwrap(), 2).unwrap().1.profile;
    let [link] = profile.links.as_slice() else { panic!("{:?}", profile.links) };
    assert_eq!((link.parent.as_str(), link.child.as_str()), ("insured", "class"));
    assert_eq!(link.columns, ["effective", "policy"]);
    assert_eq!((link.orphans.value, link.childless.value), (60, 20));
    assert_eq!(link.children.distribution, [(0, 20), (3, 480)]);
    assert_eq!(keys(&profile.relations[0]), [["policy", "effective"]]);
    assert_eq!(keys(&profile.relations[1]), [["policy", "effective", "class_code"]]);
}

#[test]
fn a_repeat_at_the_very_end_is_found() {
    let rows: String = (0..300_000).map(|n| format!("{n},k{n},{}\n", n % 97)).collect();
    let unique = relation("a.csv", format!("id,key,m\n{rows}").as_bytes());
    assert_eq!(keys(&unique), [["id"], ["key"]]);
    assert_eq!((unique.duplicate_rows.count.value, unique.duplicate_rows.count.exact), (0, true));
    let repeated = relation("a.csv", format!("id,key,m\n{rows}299999,k299999,{}\n", 299_999 % 97).as_bytes());
    assert_eq!(keys(&repeated), Vec::<Vec<&str>>::new());
    assert_eq!((repeated.duplicate_rows.count.value, repeated.duplicate_rows.count.exact), (1, true));
}

#[test]
fn numbers_that_go_together_are_correlated() {
    let rows: String = (0..20_000)
        .map(|n| {
            let (x, noise) = (f64::from(n % 1_000), f64::from(n * 7_919 % 1_013));
            let gap = if n % 5 == 0 { String::new() } else { format!("{}", 1e9 - 3.0 * x) };
            format!("{x},{gap},{noise},same\n")
        })
        .collect();
    let found = relation("a.csv", format!("x,down,noise,text\n{rows}").as_bytes());
    let correlations = found.correlations.unwrap();
    assert_eq!(correlations.columns, ["x", "down", "noise"]);
    let r = |a: usize, b: usize| correlations.pearson[a][b].unwrap();
    assert!((r(0, 1) + 1.0).abs() < 1e-9 && (r(1, 0) + 1.0).abs() < 1e-9, "{:?}", correlations.pearson);
    assert!(r(0, 2).abs() < 0.05 && r(0, 0) == 1.0);
}

#[test]
fn numbers_whose_comma_was_read_otherwise_are_not_correlated() {
    let rows: String = (0..400).map(|n| format!("{n};{};{},{:03}\n", n * 2, n % 9 + 1, n * 7 % 1_000)).collect();
    let found = relation("a.csv", format!("x;y;amount\n{rows}0;0;0,5\n").as_bytes());
    let correlations = found.correlations.unwrap();
    assert_eq!(correlations.columns, ["x", "y"]);
    assert_eq!(correlations.left_out, ["amount"]);
}
