//! Laws of forests in single precision, on random XGBoost documents: sums in the order of the file, missing values on
//! either side of sets of categories, and contributions that add up.

use std::fmt::Write as _;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array};
use bordereau_model::{Format, Model};
use proptest::prelude::*;

const INPUTS: usize = 4;

#[derive(Debug, Clone)]
enum Node {
    Leaf { value: f32, cover: f32 },
    Split { input: usize, test: Test, missing_left: bool, children: Box<[Node; 2]> },
}

#[derive(Debug, Clone)]
enum Test {
    Less(f32),
    /// The categories that go right.
    Set(Vec<u32>),
}

fn tree() -> impl Strategy<Value = Node> {
    let leaf = (-10.0_f32..10.0, 1_u8..50).prop_map(|(value, cover)| Node::Leaf { value, cover: f32::from(cover) });
    let test = prop_oneof![
        (-30_i8..40).prop_map(|tenths| Test::Less(f32::from(tenths) / 10.0)),
        prop::collection::btree_set(0_u32..70, 1..5).prop_map(|set| Test::Set(set.into_iter().collect())),
    ];
    leaf.prop_recursive(5, 40, 2, move |inner| {
        (0..INPUTS - 1, test.clone(), any::<bool>(), inner.clone(), inner).prop_map(
            |(input, test, missing_left, left, right)| Node::Split {
                input,
                test,
                missing_left,
                children: Box::new([left, right]),
            },
        )
    })
}

fn walk(node: &Node, row: &[f64; INPUTS]) -> f32 {
    match node {
        Node::Leaf { value, .. } => *value,
        Node::Split { input, test, missing_left, children } => {
            let x = row[*input] as f32;
            let left = match test {
                _ if x.is_nan() => *missing_left,
                Test::Less(threshold) => x < *threshold,
                Test::Set(set) => x < 0.0 || !set.contains(&(x as u32)),
            };
            walk(&children[usize::from(!left)], row)
        }
    }
}

/// A tree's arrays, filled node by node.
#[derive(Default)]
struct Arrays {
    lefts: Vec<i64>,
    rights: Vec<i64>,
    inputs: Vec<usize>,
    conditions: Vec<f32>,
    defaults: Vec<u8>,
    covers: Vec<f32>,
    kinds: Vec<u8>,
    sets: Vec<(usize, Vec<u32>)>,
}

impl Arrays {
    fn add(&mut self, node: &Node) -> i64 {
        let at = self.lefts.len();
        self.lefts.push(-1);
        self.rights.push(-1);
        self.inputs.push(0);
        self.conditions.push(0.0);
        self.defaults.push(0);
        self.covers.push(0.0);
        self.kinds.push(0);
        match node {
            Node::Leaf { value, cover } => (self.conditions[at], self.covers[at]) = (*value, *cover),
            Node::Split { input, test, missing_left, children } => {
                (self.inputs[at], self.defaults[at]) = (*input, u8::from(*missing_left));
                match test {
                    Test::Less(threshold) => self.conditions[at] = *threshold,
                    Test::Set(set) => {
                        self.kinds[at] = 1;
                        self.sets.push((at, set.clone()));
                    }
                }
                self.lefts[at] = self.add(&children[0]);
                self.rights[at] = self.add(&children[1]);
            }
        }
        at as i64
    }

    fn json(&self) -> String {
        let mut text = String::from("{\"tree_param\":{\"size_leaf_vector\":\"1\"}");
        let mut list = |name: &str, items: Vec<String>| write!(text, ",\"{name}\":[{}]", items.join(",")).unwrap();
        list("left_children", strings(&self.lefts));
        list("right_children", strings(&self.rights));
        list("split_indices", strings(&self.inputs));
        list("split_conditions", strings(&self.conditions));
        list("default_left", strings(&self.defaults));
        list("sum_hessian", strings(&self.covers));
        list("split_type", strings(&self.kinds));
        list("categories_nodes", self.sets.iter().map(|(node, _)| node.to_string()).collect());
        list("categories_sizes", self.sets.iter().map(|(_, set)| set.len().to_string()).collect());
        let starts = self.sets.iter().scan(0, |next, (_, set)| {
            *next += set.len();
            Some((*next - set.len()).to_string())
        });
        list("categories_segments", starts.collect());
        list("categories", self.sets.iter().flat_map(|(_, set)| strings(set)).collect());
        text.push('}');
        text
    }
}

fn strings<T: ToString>(items: &[T]) -> Vec<String> {
    items.iter().map(T::to_string).collect()
}

fn load(trees: &[Node]) -> Model {
    let trees: Vec<String> = trees
        .iter()
        .map(|tree| {
            let mut arrays = Arrays::default();
            arrays.add(tree);
            arrays.json()
        })
        .collect();
    let groups = vec!["0"; trees.len()].join(",");
    let model = format!("{{\"trees\":[{}],\"tree_info\":[{groups}]}}", trees.join(","));
    let params = format!("{{\"base_score\":\"[1.5E-1]\",\"num_feature\":\"{INPUTS}\",\"num_class\":\"0\"}}");
    let text = format!(
        "{{\"learner\":{{\"gradient_booster\":{{\"name\":\"gbtree\",\"model\":{model}}},\
         \"objective\":{{\"name\":\"reg:squarederror\"}},\"learner_model_param\":{params}}},\"version\":[3,0,0]}}"
    );
    Model::load(Format::XgBoost, text.as_bytes()).unwrap_or_else(|error| panic!("{error}: {text}"))
}

proptest! {
    #[test]
    fn random_forests_sum_in_single_precision_and_contributions_add_up(
        trees in prop::collection::vec(tree(), 1..6),
        rows in prop::collection::vec(
            prop::array::uniform4(prop_oneof![
                // Between -1 and 0 a code of a category is cut to 0, unless the file says that the column holds codes.
                3 => (-30_i8..30).prop_map(|tenths| f64::from(if tenths < 0 { tenths - 10 } else { tenths }) / 10.0),
                2 => (0_u8..80).prop_map(f64::from),
                1 => Just(f64::NAN),
                1 => Just(0.1_f64 + 1e-12),
            ]),
            1..20,
        ),
    ) {
        let model = load(&trees);
        let column = |at: usize| -> ArrayRef {
            Arc::new(rows.iter().map(|row| Some(row[at])).collect::<Float64Array>())
        };
        let features = model.bind(&(0..INPUTS).map(column).collect::<Vec<_>>()).unwrap();
        let (scores, explained) = (model.score(&features), model.explain(&features).unwrap());
        for (at, row) in rows.iter().enumerate() {
            let sum = trees.iter().fold(0.15_f32, |sum, tree| sum + walk(tree, row));
            prop_assert_eq!(scores.raw[at], f64::from(sum), "row {:?}", row);
            let contributions = &explained.values[at * INPUTS..(at + 1) * INPUTS];
            prop_assert_eq!(contributions[INPUTS - 1], 0.0, "no tree reads the last input");
            prop_assert!((contributions.iter().sum::<f64>() + explained.bias[0] - scores.raw[at]).abs() < 1e-4);
        }
    }
}

/// Two inputs that a tree treats alike get equal shares.
#[test]
fn symmetric_inputs_have_equal_contributions() {
    let leaf = |value: f32| Node::Leaf { value, cover: 4.0 };
    let split = |input: usize, left: Node, right: Node| Node::Split {
        input,
        test: Test::Set(vec![2, 40]),
        missing_left: false,
        children: Box::new([left, right]),
    };
    let both = split(0, split(1, leaf(0.0), leaf(1.0)), split(1, leaf(1.0), leaf(5.0)));
    let model = load(&[both]);
    for x in [2.0, 3.0, f64::NAN] {
        let column: ArrayRef = Arc::new(Float64Array::from(vec![x]));
        let explained = model.explain(&model.bind(&vec![column; INPUTS]).unwrap()).unwrap();
        assert!((explained.values[0] - explained.values[1]).abs() < 1e-15, "{:?}", explained.values);
        assert_eq!(explained.values[2..], [0.0, 0.0]);
    }
}
