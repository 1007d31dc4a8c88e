//! What is refused of the formats in JSON, UBJSON and FlatBuffers, and in which words; and that no bytes panic.

use std::path::{Path, PathBuf};

use arrow::array::{ArrayRef, Float64Array, StringArray};
use bordereau_model::{Error, Format, InputKind, Model};
use proptest::prelude::*;

fn fixture(path: &str) -> Vec<u8> {
    let folder: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    std::fs::read(folder.join(path)).unwrap()
}

/// A committed model as text, with changes; the error is what opening says of it.
#[track_caller]
fn refuse(path: &str, changes: &[(&str, &str)], message: &str) {
    let mut text = String::from_utf8(fixture(path)).unwrap();
    for (from, to) in changes {
        assert!(text.contains(from), "{from}");
        text = text.replacen(from, to, 1);
    }
    let error = Model::open(text.as_bytes()).map(|_| "a model".to_owned()).unwrap_or_else(|error| error.to_string());
    assert_eq!(error, message);
}

#[test]
fn files_are_known_by_their_content() {
    for (path, format) in [
        ("poisson/model.txt", Format::LightGbm),
        ("sqrt/dump.json", Format::LightGbm),
        ("xgb_poisson/model.json", Format::XgBoost),
        ("xgb_poisson/model.ubj", Format::XgBoost),
        ("cat_rmse/model.json", Format::CatBoost),
        ("cat_rmse/model.cbm", Format::CatBoost),
    ] {
        assert_eq!(Format::detect(&fixture(path)), Some(format), "{path}");
    }
    let unknown = |bytes: &[u8], what: &str| {
        let Err(Error::Unknown(said)) = Model::open(bytes) else { panic!("{what}") };
        assert!(said.contains(what), "{said}");
    };
    unknown(b" ", "empty");
    unknown(b"binf\0\0", "old binary format");
    unknown(b"\x80\x04\x95", "pickle");
    unknown(b"PK\x03\x04", "zip");
    unknown(b"{\"a\": {\"learner\": 1}}", "without the keys");
    unknown(b"hello", "unknown");
}

#[test]
fn xgboost_files_that_need_more_are_refused_with_their_element() {
    let path = "xgb_poisson/model.json";
    let check = |from: &str, to: &str, message: &str| {
        refuse(path, &[(from, to)], &format!("XGBoost model, line 1: {message}"));
    };
    check("count:poisson\"", "magic\"", "learner.objective.name: objective \"magic\" is not supported");
    check("\"version\":[3", "\"version\":[4", "version: version 4 is not supported");
    check("\"gbtree\"", "\"gbnew\"", "learner.gradient_booster.name: this booster is not supported");
    check("[2.5E-1]", "[2.5E-1,1]", "learner.learner_model_param.base_score: 2 entries for 1 outputs");
    check("[2.5E-1]", "-1", "learner.learner_model_param.base_score: not a prediction of this objective");
    check(
        "\"num_class\":\"0\",\"num_feature\":\"4\"",
        "\"num_class\":\"0\",\"num_feature\":\"5\"",
        "learner.feature_names: 4 names for 5 features",
    );
    let tree = "learner.gradient_booster.model.trees[0]";
    check(
        "\"left_children\":[1",
        "\"left_children\":[0",
        "learner.gradient_booster.model.trees[2]: node 0: has two parents",
    );
    check(
        "\"left_children\":[1",
        "\"left_children\":[99",
        "learner.gradient_booster.model.trees[2]: node 99: does not exist",
    );
    let vector = format!("{tree}.tree_param.size_leaf_vector: several values in a leaf");
    let vector = format!("{vector} (multi_strategy multi_output_tree) is not supported");
    check("\"size_leaf_vector\":\"1\"", "\"size_leaf_vector\":\"2\"", &vector);
    check("{\"learner\"", "{\"learner\":1,\"learner\"", "a key comes twice");
    check(
        "\"split_conditions\":[",
        "\"split_conditions\":[NaN,",
        &format!("{tree}.split_conditions: 2 entries instead of 1"),
    );
}

/// Up to version 3.3 XGBoost counts letters where it means bytes, so that such a file holds other categories.
#[test]
fn categories_beyond_ascii_are_refused_of_versions_that_write_them_wrongly() {
    let path = "xgb_onehot/model.json";
    let beyond = ("\"values\":[49,48,67,65", "\"values\":[49,48,-61,-104");
    let message = "XGBoost model, line 1: learner.gradient_booster.model.cats.enc[3].values: categories beyond ASCII, \
                   which version 3.2.0 writes wrongly (3.4 does not), is not supported";
    refuse(path, &[beyond], message);
    let text = String::from_utf8(fixture(path)).unwrap().replacen(beyond.0, beyond.1, 1);
    let model = Model::open(text.replacen("\"version\":[3,2,0]", "\"version\":[3,4,0]", 1).as_bytes()).unwrap();
    let InputKind::Category { values } = &model.inputs()[3].kind else { panic!("no categories") };
    assert_eq!(values[1], "\u{d8}");
}

#[test]
fn catboost_files_that_need_more_are_refused_with_their_element() {
    let path = "cat_rmse/model.json";
    let check = |from: &str, to: &str, message: &str| refuse(path, &[(from, to)], message);
    check(
        "\"FloatFeature\"",
        "\"OnlineCtr\"",
        "CatBoost model, line 648: oblivious_trees[0].splits[0].split_type: a split by a statistic of categories (CTR; \
         train with one_hot_max_size above the number of categories) is not supported",
    );
    check(
        "\"leaf_values\":\n          [",
        "\"leaf_values\":\n          [1,",
        "CatBoost model, line 1: tree 0: leaf values and weights that do not fit each other",
    );
    check(
        "\"type\":\"RMSE\"",
        "\"type\":\"Magic\"",
        "CatBoost model, line 1: the loss function \"Magic\" is not supported",
    );
    let mut cut = fixture("cat_rmse/model.cbm");
    cut.truncate(cut.len() - 20);
    assert_eq!(Model::open(&cut).unwrap_err().to_string(), "CatBoost model, line 1: the file ends early");
}

/// Each table of a FlatBuffer says where the list of its fields is, which begins with its own length.
#[test]
fn a_cbm_whose_list_of_fields_is_shorter_than_its_own_head_is_refused() {
    for length in 0..4 {
        let (table, list) = (16_u32, 8_u32);
        let mut core = [0; 32];
        core[..4].copy_from_slice(&table.to_le_bytes());
        core[8..10].copy_from_slice(&u16::to_le_bytes(length));
        core[16..20].copy_from_slice(&(table - list).to_le_bytes());
        let file = [b"CBM1".as_slice(), &u32::to_le_bytes(32), &core].concat();
        let error = Model::open(&file).unwrap_err();
        assert_eq!(error.to_string(), "CatBoost model, line 1: the core: not as the format has it");
    }
}

/// What is counted by outputs is as large as a file of a few bytes says.
#[test]
fn no_outputs_and_more_than_any_model_has_are_refused_before_anything_is_counted_by_them() {
    const AT: usize = 6512;
    let cbm = fixture("cat_lossguide/model.cbm");
    assert_eq!(cbm[AT..AT + 4], 3_i32.to_le_bytes());
    for outputs in [0, i32::MAX] {
        let mut changed = cbm.clone();
        changed[AT..AT + 4].copy_from_slice(&outputs.to_le_bytes());
        let message = "CatBoost model, line 1: no output, or more than 262144 features x outputs is not supported";
        assert_eq!(Model::open(&changed).unwrap_err().to_string(), message);
    }
    refuse(
        "xgb_linear/model.json",
        &[("\"num_class\":\"3\"", "\"num_class\":\"4000000000\""), ("\"num_feature\":\"4\"", "\"num_feature\":\"0\"")],
        "XGBoost model, line 1: learner.learner_model_param: more than 262144 features x classes is not supported",
    );
}

#[test]
fn lightgbm_dumps_name_line_and_element() {
    let path = "sqrt/dump.json";
    let check = |from: &str, to: &str, message: &str| refuse(path, &[(from, to)], message);
    check(
        "\"version\": \"v4\"",
        "\"version\": \"v9\"",
        "LightGBM model, line 3: version: version \"v9\" is not supported",
    );
    check("\"objective\"", "\"subjective\"", "LightGBM model, line 8: subjective: this key is not supported");
    check(
        "\"<=\"",
        "\"<\"",
        "LightGBM model, line 104: tree_info[0].tree_structure.decision_type: this decision_type is not supported",
    );
}

/// Bind any rows to whatever was opened, and use it.
fn use_model(bytes: &[u8]) {
    let Ok(model) = Model::open(bytes) else { return };
    let column = |kind: &InputKind| -> ArrayRef {
        match kind {
            InputKind::Number => std::sync::Arc::new(Float64Array::from(vec![Some(1.5), None, Some(-1e30)])),
            InputKind::Category { .. } => std::sync::Arc::new(StringArray::from(vec![Some("CA"), None, Some("zz")])),
        }
    };
    if model.inputs().len() < 100 {
        let columns: Vec<ArrayRef> = model.inputs().iter().map(|input| column(&input.kind)).collect();
        let features = model.bind(&columns).unwrap();
        model.score(&features);
        model.explain(&features);
    }
}

proptest! {
    #[test]
    fn changed_bytes_give_a_model_or_an_error(
        which in 0_usize..7,
        changes in prop::collection::vec((any::<u32>(), any::<u8>(), 0_u8..4), 1..8),
    ) {
        let paths = [
            "xgb_partition/model.json",
            "xgb_partition/model.ubj",
            "xgb_1_7_linear/model.ubj",
            "cat_logloss/model.cbm",
            "cat_depthwise/model.cbm",
            "cat_depthwise/model.json",
            "linear_tree/dump.json",
        ];
        let mut bytes = fixture(paths[which]);
        for (at, byte, kind) in changes {
            let at = at as usize % bytes.len().max(1);
            match kind {
                _ if bytes.is_empty() => {}
                0 => bytes[at] = byte,
                1 => bytes[at] = b"0123456789-.e,[]{}\":"[usize::from(byte) % 20],
                2 => _ = bytes.remove(at),
                _ => bytes[at] = bytes[at].wrapping_add(1),
            }
        }
        use_model(&bytes);
    }
}
