//! What is refused, and in which words: model files of both formats, and columns that do not fit a model.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, StringArray};
use bordereau_model::{Format, InputKind, Model};

/// Two inputs, one tree: `a <= 0` left, else `b` in {0, 1} left.
const FOREST: &str = "tree
version=v4
num_class=1
num_tree_per_iteration=1
max_feature_idx=1
objective=regression
feature_names=a b
feature_infos=[0:9] 0:1:2
tree_sizes=1

Tree=0
num_leaves=3
num_cat=1
split_feature=0 1
threshold=0.5 0
decision_type=2 1
left_child=-1 -2
right_child=1 -3
leaf_value=1 2 3
leaf_count=5 6 7
cat_boundaries=0 1
cat_threshold=3
is_linear=0

end of trees
[categorical_feature: 1]
pandas_categorical:[[\"x\", \"y\", \"z\"]]
";

fn forest(changes: &[(&str, &str)]) -> Result<Model, String> {
    let mut text = FOREST.to_owned();
    for (from, to) in changes {
        assert!(text.contains(from), "{from}");
        text = text.replacen(from, to, 1);
    }
    Model::load(Format::LightGbm, text.as_bytes()).map_err(|error| error.to_string())
}

#[track_caller]
fn refuse(from: &str, to: &str, message: &str) {
    assert_eq!(forest(&[(from, to)]).unwrap_err(), format!("LightGBM model, line {message}"));
}

#[test]
fn a_header_that_does_not_fit_is_refused() {
    forest(&[]).unwrap();
    let error = Model::load(Format::LightGbm, b"\n \n").unwrap_err();
    assert_eq!(error.to_string(), "LightGBM model, line 1: the file is empty");
    refuse("tree_sizes=1", "tree_sizes=1 1", "9: tree_sizes: names 2 trees, the file has 1");
    refuse("[0:9] 0:1:2", "[0:9]", "8: feature_infos: 1 entries for 2 features");
    refuse("feature_infos", "average_output=1\nfeature_infos", "8: average_output: takes no value");
    refuse("objective=regression", "objective=huber alpha:x", "6: objective: \"alpha\" has no number");
    refuse("objective=regression", "objective=multiclass num_class:3", "6: objective: num_class is another");
    refuse("num_class=1", "num_class=one", "3: num_class: not a number of its kind");
    refuse("num_class=1", "num_class=1\nnum_class=1", "4: num_class: comes twice");
    refuse("num_class=1\n", "", "1: num_class: missing");
    let three = [("num_class=1", "num_class=2"), ("per_iteration=1", "per_iteration=2")];
    assert_eq!(forest(&three).unwrap_err(), "LightGBM model, line 25: 1 trees for 2 per iteration");
    let many = [("num_class=1", "num_class=262144"), ("per_iteration=1", "per_iteration=262144")];
    let message = "LightGBM model, line 3: more than 262144 features x classes is not supported";
    assert_eq!(forest(&many).unwrap_err(), message);
}

#[test]
fn a_tree_that_does_not_fit_is_refused() {
    refuse("split_feature=0 1", "split_feature=0 2", "11: split 1 reads a feature that does not exist");
    refuse("split_feature=0 1", "split_feature=0 -1", "14: split_feature: entry 2 is not a number of its kind");
    refuse("threshold=0.5 0", "threshold=0.5 1", "15: threshold: entry 2 is not a set of categories of its own");
    refuse("threshold=0.5 0", "threshold=nan 0", "16: decision_type: entry 1 is not valid");
    refuse("decision_type=2 1", "decision_type=14 1", "16: decision_type: entry 1 is not valid");
    refuse("cat_boundaries=0 1", "cat_boundaries=0 2", "21: cat_boundaries: does not fit cat_threshold");
    refuse("cat_boundaries=0 1", "cat_boundaries=1 1", "21: cat_boundaries: does not cover cat_threshold");
    refuse("is_linear=0", "is_linear=2", "23: is_linear: neither 0 nor 1");
    refuse("left_child=-1 -2", "left_child=-1 -9", "11: Tree=0: leaf 8 does not exist");
    refuse("left_child=-1 -2", "left_child=-1 9", "11: Tree=0: split 9 does not exist");
    refuse("left_child=-1 -2", "left_child=-1 -1", "11: Tree=0: leaf 0 has two parents");
    refuse("right_child=1 -3", "right_child=-3 -3", "11: Tree=0: some nodes cannot be reached from the root");
    let linear = |lengths: &str, features: &str| {
        let keys = format!("is_linear=1\nleaf_const=0 0 0\nnum_features={lengths}\nleaf_features={features}");
        forest(&[("is_linear=0", &format!("{keys}\nleaf_coeff=1"))]).unwrap_err()
    };
    assert_eq!(linear("1 0 0", "7"), "LightGBM model, line 26: leaf_features: entry 1 does not exist");
    let most = format!("{} 1 0", usize::MAX);
    assert_eq!(linear(&most, "0"), "LightGBM model, line 25: num_features: too many");
}

#[test]
fn a_tree_too_deep_or_too_large_is_refused() {
    let check = |leaves: usize, message: &str| {
        let join =
            |items: &mut dyn Iterator<Item = i64>| items.map(|item| item.to_string()).collect::<Vec<_>>().join(" ");
        let (splits, last) = (leaves - 1, leaves as i64);
        let mut text = FOREST.split("num_leaves").next().unwrap().to_owned();
        text.push_str(&format!("num_leaves={leaves}\nsplit_feature={}\n", join(&mut (0..splits).map(|_| 0))));
        text.push_str(&format!("threshold={}\n", join(&mut (0..splits).map(|_| 0))));
        text.push_str(&format!("left_child={}\n", join(&mut (1..last).map(|at| -at))));
        let rights = &mut (1..last).map(|at| if at + 1 < last { at } else { -last });
        text.push_str(&format!("right_child={}\n", join(rights)));
        text.push_str(&format!("leaf_value={}\nend of trees\n", join(&mut (0..leaves).map(|_| 1))));
        let error = Model::load(Format::LightGbm, text.as_bytes()).map(|_| ()).map_err(|error| error.to_string());
        assert_eq!(error.err().unwrap_or_default(), message);
    };
    check(1025, "");
    check(1026, "LightGBM model, line 11: Tree=0: deeper than 1024");
    check(131_073, "LightGBM model, line 11: Tree=0: more than 131072 leaves");
}

#[test]
fn lists_of_categories_belong_to_the_columns_that_the_file_declares() {
    let model = forest(&[]).unwrap();
    assert!(matches!(model.inputs()[1].kind, InputKind::Category { .. }));
    let line = "27: pandas_categorical:";
    refuse("[\"x\", \"y\", \"z\"]", "[\"x\", \"y\"]", "27: 2 categories for b, which has more codes");
    refuse("[\"x\", \"y\", \"z\"]", "[[1]]", &format!("{line} a category is neither text nor number"));
    let broken = forest(&[("[[\"x\"", "[\"x\"")]).unwrap_err();
    assert!(broken.starts_with(&format!("LightGBM model, line {line} invalid type")), "{broken}");
    refuse("feature: 1]", "feature: 5]", "27: categorical_feature 5 does not exist");
    // Without the parameter, or with names in it, the codes of feature_infos decide.
    for parameter in ["[categorical_feature: 1]\n", " 1]"] {
        let to = if parameter.starts_with('[') { "" } else { " name:b]" };
        let model = forest(&[(parameter, to)]).unwrap();
        assert!(matches!(model.inputs()[1].kind, InputKind::Category { .. }));
    }
}

/// `a` is an ordered category: it has a list and is split like a number, so only `b` is declared. A constant number
/// must not be taken for the second column.
#[test]
fn ordered_categories_are_refused_and_never_given_to_other_columns() {
    let ordered = [
        ("max_feature_idx=1", "max_feature_idx=2"),
        ("feature_names=a b", "feature_names=a b k"),
        ("[0:9] 0:1:2", "[0:2] 0:1:2 none"),
        ("[[\"x\"", "[[\"low\", \"mid\", \"high\"], [\"x\""),
    ];
    let message = "LightGBM model, line 27: pandas_categorical: 2 lists of categories that cannot be told to columns \
                   is not supported";
    assert_eq!(forest(&ordered).unwrap_err(), message);
}

#[test]
fn columns_that_do_not_fit_are_refused_by_name() {
    let model = forest(&[]).unwrap();
    let numbers = |rows: usize| -> ArrayRef { Arc::new(Float64Array::from(vec![1.0; rows])) };
    let texts = |rows: usize| -> ArrayRef { Arc::new(StringArray::from(vec!["x"; rows])) };
    let whole: ArrayRef = Arc::new(Int64Array::from(vec![1; 2]));
    let check = |columns: &[ArrayRef], message: &str| assert_eq!(model.bind(columns).unwrap_err().to_string(), message);
    check(&[numbers(2)], "input *: 1 columns for 2 inputs");
    check(&[numbers(2), texts(3)], "input b: 3 rows, the first column has 2");
    check(&[texts(2), texts(2)], "input a: a column of type Utf8 does not fit");
    check(&[numbers(2), whole], "input b: a column of type Int64 does not fit");
    assert_eq!(model.bind(&[numbers(2), texts(2)]).unwrap().rows(), 2);
}
