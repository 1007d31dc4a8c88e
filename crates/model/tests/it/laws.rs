//! Laws of the kernels on random forests: against brute force, and the rows' independence of each other.

use std::fmt::Write as _;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array};
use bordereau_model::{Features, Format, Model};
use proptest::prelude::*;

const INPUTS: usize = 5;

/// A tree as the test makes it.
#[derive(Debug, Clone)]
enum Node {
    Leaf { value: f64, count: u32 },
    Split { input: usize, test: Test, children: Box<[Node; 2]> },
}

#[derive(Debug, Clone)]
enum Test {
    /// Threshold, missing type (0 none, 1 zero, 2 NaN) and whether missing goes left.
    AtMost(f64, u8, bool),
    /// The categories that go left, as bits.
    In(u32),
}

impl Test {
    fn goes_left(&self, x: f64) -> bool {
        match self {
            Self::In(set) => (0.0..32.0).contains(&x) && set >> (x as u32) & 1 != 0,
            Self::AtMost(threshold, 0, _) => (if x.is_nan() { 0.0 } else { x }) <= *threshold,
            Self::AtMost(threshold, 1, left) => {
                if x.is_nan() || x == 0.0 {
                    *left
                } else {
                    x <= *threshold
                }
            }
            Self::AtMost(threshold, _, left) => {
                if x.is_nan() {
                    *left
                } else {
                    x <= *threshold
                }
            }
        }
    }
}

fn tree() -> impl Strategy<Value = Node> {
    let leaf = (-10.0..10.0, 0_u32..50).prop_map(|(value, count)| Node::Leaf { value, count });
    let test = prop_oneof![
        (-3_i32..4, 0_u8..3, any::<bool>()).prop_map(|(at, kind, left)| Test::AtMost(f64::from(at), kind, left)),
        any::<u32>().prop_map(Test::In),
    ];
    leaf.prop_recursive(6, 40, 2, move |inner| {
        (0..INPUTS - 1, test.clone(), inner.clone(), inner).prop_map(|(input, test, left, right)| Node::Split {
            input,
            test,
            children: Box::new([left, right]),
        })
    })
}

fn forest() -> impl Strategy<Value = Vec<Node>> {
    prop::collection::vec(tree(), 1..4).prop_map(|mut trees| {
        trees.iter_mut().for_each(reach);
        trees
    })
}

fn rows() -> impl Strategy<Value = Vec<[f64; INPUTS]>> {
    let cell = prop_oneof![8 => (-3_i32..5).prop_map(f64::from), 2 => Just(f64::NAN), 1 => Just(0.5)];
    prop::collection::vec(prop::array::uniform5(cell), 1..30)
}

/// At least one training row in every split.
fn reach(node: &mut Node) {
    if let Node::Split { children, .. } = node {
        children.iter_mut().for_each(reach);
        if children.iter().map(count).sum::<f64>() == 0.0 {
            add_one(&mut children[1]);
        }
    }
}

fn add_one(node: &mut Node) {
    match node {
        Node::Leaf { count, .. } => *count += 1,
        Node::Split { children, .. } => add_one(&mut children[0]),
    }
}

fn count(node: &Node) -> f64 {
    match node {
        Node::Leaf { count, .. } => f64::from(*count),
        Node::Split { children, .. } => children.iter().map(count).sum(),
    }
}

/// The expected value when only the `known` inputs are (Lundberg et al. 2020, algorithm 1).
fn expected(node: &Node, row: &[f64], known: u32) -> f64 {
    match node {
        Node::Leaf { value, .. } => *value,
        Node::Split { input, test, children } if known >> input & 1 != 0 => {
            expected(&children[usize::from(!test.goes_left(row[*input]))], row, known)
        }
        Node::Split { children, .. } => {
            let total = count(node);
            children.iter().map(|child| count(child) / total * expected(child, row, known)).sum()
        }
    }
}

/// Shapley values by their definition.
fn shapley(trees: &[Node], row: &[f64]) -> [f64; INPUTS] {
    let worth = |known: u32| trees.iter().map(|tree| expected(tree, row, known)).sum::<f64>();
    let factorial = |n: usize| (1..=n).product::<usize>() as f64;
    std::array::from_fn(|input| {
        let others = (0..1_u32 << INPUTS).filter(|known| known >> input & 1 == 0);
        let gain = |known: u32| {
            let size = known.count_ones() as usize;
            let weight = factorial(size) * factorial(INPUTS - size - 1) / factorial(INPUTS);
            weight * (worth(known | 1 << input) - worth(known))
        };
        others.map(gain).sum()
    })
}

/// The trees as a LightGBM file.
fn text(trees: &[Node]) -> String {
    let mut text = String::from("tree\nversion=v4\nnum_class=1\nnum_tree_per_iteration=1\nlabel_index=0\n");
    writeln!(text, "max_feature_idx={}\nobjective=regression\nfeature_names=a b c d e\n", INPUTS - 1).unwrap();
    for (at, tree) in trees.iter().enumerate() {
        let mut lists = Lists::default();
        lists.add(tree);
        writeln!(text, "Tree={at}\nnum_leaves={}\nnum_cat={}", lists.values.len(), lists.sets.len()).unwrap();
        writeln!(text, "split_feature={}\nthreshold={}", join(&lists.inputs), join(&lists.thresholds)).unwrap();
        writeln!(text, "decision_type={}", join(&lists.kinds)).unwrap();
        writeln!(text, "left_child={}\nright_child={}", join(&lists.children[0]), join(&lists.children[1])).unwrap();
        writeln!(text, "leaf_value={}\nleaf_count={}", join(&lists.values), join(&lists.counts)).unwrap();
        let bounds: Vec<usize> = (0..=lists.sets.len()).collect();
        writeln!(text, "cat_boundaries={}\ncat_threshold={}\n", join(&bounds), join(&lists.sets)).unwrap();
    }
    text.push_str("end of trees\n");
    text
}

#[derive(Default)]
struct Lists {
    inputs: Vec<usize>,
    thresholds: Vec<f64>,
    kinds: Vec<u8>,
    children: [Vec<i64>; 2],
    values: Vec<f64>,
    counts: Vec<u32>,
    sets: Vec<u32>,
}

impl Lists {
    /// The number that stands for the node in a child list.
    fn add(&mut self, node: &Node) -> i64 {
        match node {
            Node::Leaf { value, count } => {
                self.values.push(*value);
                self.counts.push(*count);
                -(self.values.len() as i64)
            }
            Node::Split { input, test, children } => {
                let at = self.inputs.len();
                self.inputs.push(*input);
                let (threshold, kind) = match test {
                    Test::AtMost(threshold, kind, left) => (*threshold, kind << 2 | u8::from(*left) << 1),
                    Test::In(set) => {
                        self.sets.push(*set);
                        (self.sets.len() as f64 - 1.0, 1)
                    }
                };
                self.thresholds.push(threshold);
                self.kinds.push(kind);
                self.children.iter_mut().for_each(|list| list.push(0));
                for (side, child) in children.iter().enumerate() {
                    self.children[side][at] = self.add(child);
                }
                at as i64
            }
        }
    }
}

fn join<T: ToString>(items: &[T]) -> String {
    items.iter().map(T::to_string).collect::<Vec<_>>().join(" ")
}

fn load(trees: &[Node]) -> Model {
    Model::load(Format::LightGbm, text(trees).as_bytes()).unwrap()
}

fn bind(model: &Model, rows: &[[f64; INPUTS]]) -> Features {
    let column = |at: usize| -> ArrayRef { Arc::new(rows.iter().map(|row| Some(row[at])).collect::<Float64Array>()) };
    model.bind(&(0..INPUTS).map(column).collect::<Vec<_>>()).unwrap()
}

fn bits(values: &[f64]) -> Vec<u64> {
    values.iter().map(|value| value.to_bits()).collect()
}

proptest! {
    #[test]
    fn contributions_are_the_shapley_values_of_their_definition(trees in forest(), rows in rows()) {
        let model = load(&trees);
        let features = bind(&model, &rows);
        let (scores, ours) = (model.score(&features), model.explain(&features).unwrap());
        for (at, row) in rows.iter().enumerate() {
            let ours_row = &ours.values[at * INPUTS..(at + 1) * INPUTS];
            for (mine, exact) in ours_row.iter().zip(shapley(&trees, row)) {
                prop_assert!((mine - exact).abs() < 1e-9, "{mine} is not {exact}");
            }
            let all = (1_u32 << INPUTS) - 1;
            let walked: f64 = trees.iter().map(|tree| expected(tree, row, all)).sum();
            prop_assert_eq!(scores.raw[at], walked);
            prop_assert!((ours_row.iter().sum::<f64>() + ours.bias[0] - walked).abs() < 1e-9);
            prop_assert_eq!(ours_row[INPUTS - 1], 0.0, "no tree reads the last input");
        }
    }

    #[test]
    fn a_row_has_the_same_bits_in_whatever_batch_it_comes(trees in forest(), rows in rows(), copies in 1_usize..60) {
        let model = load(&trees);
        let many: Vec<[f64; INPUTS]> = rows.iter().copied().cycle().take(rows.len() * copies).collect();
        let together = bind(&model, &many);
        let (scores, explained) = (model.score(&together), model.explain(&together).unwrap());
        for at in [0, many.len() / 2, many.len() - 1] {
            let alone = bind(&model, &many[at..=at]);
            prop_assert_eq!(bits(&model.score(&alone).raw), bits(&scores.raw[at..=at]));
            let own = model.explain(&alone).unwrap();
            prop_assert_eq!(bits(&own.values), bits(&explained.values[at * INPUTS..(at + 1) * INPUTS]));
        }
    }

    #[test]
    fn the_largest_contributions_are_those_of_all(trees in forest(), rows in rows(), k in 0_usize..8) {
        let model = load(&trees);
        let features = bind(&model, &rows);
        let (all, top) = (model.explain(&features).unwrap(), model.explain_top(&features, k).unwrap());
        prop_assert_eq!(top.k, k.min(INPUTS));
        for (row, values) in all.values.chunks(INPUTS).enumerate() {
            let mut order: Vec<usize> = (0..INPUTS).collect();
            order.sort_by(|a, b| values[*b].abs().total_cmp(&values[*a].abs()));
            let entries = &top.entries[row * top.k..][..top.k];
            let ours: Vec<usize> = entries.iter().map(|entry| entry.input as usize).collect();
            prop_assert_eq!(&ours[..], &order[..top.k]);
            prop_assert_eq!(top.totals[row], values.iter().fold(0.0, |sum, value| sum + value.abs()));
        }
    }

    #[test]
    fn changed_bytes_give_a_model_or_an_error(
        trees in forest(),
        changes in prop::collection::vec((any::<u16>(), any::<u8>()), 1..8),
    ) {
        let mut bytes = text(&trees).into_bytes();
        for (at, byte) in changes {
            let at = usize::from(at) % bytes.len().max(1);
            if bytes.is_empty() {
                break;
            }
            match byte % 4 {
                0 => bytes[at] = byte,
                1 => bytes[at] = b"0123456789-. =\n"[usize::from(byte) % 15],
                2 => _ = bytes.remove(at),
                _ => bytes.truncate(at.max(1)),
            }
        }
        if let Ok(model) = Model::load(Format::LightGbm, &bytes)
            && model.inputs().len() == INPUTS
        {
            let features = bind(&model, &[[1.0; INPUTS], [f64::NAN; INPUTS]]);
            model.score(&features);
            model.explain(&features);
        }
    }
}

/// Two inputs that a tree treats alike get equal shares.
#[test]
fn symmetric_inputs_have_equal_contributions() {
    let leaf = |value: f64| Node::Leaf { value, count: 10 };
    let split = |input: usize, left: Node, right: Node| Node::Split {
        input,
        test: Test::AtMost(0.0, 2, false),
        children: Box::new([left, right]),
    };
    let both = split(0, split(1, leaf(0.0), leaf(1.0)), split(1, leaf(1.0), leaf(5.0)));
    let model = load(&[both]);
    let ours = model.explain(&bind(&model, &[[1.0; INPUTS], [-1.0; INPUTS]])).unwrap();
    for row in ours.values.chunks(INPUTS) {
        assert!((row[0] - row[1]).abs() < 1e-15, "{row:?}");
    }
}

#[test]
fn a_file_that_is_no_model_names_its_line() {
    let good = text(&[Node::Leaf { value: 1.0, count: 1 }]);
    let check = |from: &str, to: &str, message: &str| {
        assert!(good.contains(from), "{from}");
        let error = Model::load(Format::LightGbm, good.replace(from, to).as_bytes()).unwrap_err();
        assert_eq!(error.to_string(), format!("LightGBM model, line {message}"));
    };
    check("tree\nv", "v", "1: the first line is not `tree`");
    check("version=v4", "version=v9", "2: version \"v9\" is not supported");
    check("num_class=1", "num_class=2", "3: num_class: is not num_tree_per_iteration, or 0");
    check("label_index=0", "label_index=0\nnew_key=1", "6: key \"new_key\" is not supported");
    check("max_feature_idx=4", "max_feature_idx=3", "8: feature_names: 5 names, max_feature_idx is 3");
    check("a b c d e", "a b c d a", "8: feature_names: name 5 comes twice");
    check("objective=regression", "objective=magic", "7: objective \"magic\" is not supported");
    check("objective=regression", "objective=regression half", "7: objective parameter \"half\" is not supported");
    check("objective=regression", "objective=poisson sqrt", "7: objective poisson with sqrt is not supported");
    check("objective=regression", "objective=binary sigmoid:0", "7: objective: sigmoid is not above 0");
    check("Tree=0", "Tree=1", "10: neither `Tree=0` nor `end of trees`");
    check("num_leaves=1", "num_leaves=0", "11: num_leaves: 0");
    check("num_leaves=1", "num_leaves=2", "18: leaf_value: 1 entries instead of 2");
    check("leaf_value=1", "leaf_value=inf", "18: leaf_value: entry 1 is not finite");
    check("leaf_count=1", "leaf_count=-1", "19: leaf_count: entry 1 is below 0");
    check("end of trees", "", "23: the file ends before `end of trees`");
    let pandas = "end of trees\npandas_categorical:[[\"x\"]]";
    let message = "24: pandas_categorical: 1 lists of categories that cannot be told to columns is not supported";
    check("end of trees", pandas, message);
    let error = Model::load(Format::LightGbm, b"tree\n\xff").unwrap_err();
    assert_eq!(error.to_string(), "LightGBM model, line 2: not UTF-8");
}
