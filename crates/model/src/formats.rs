//! Readers of model files, one module per format. Each gives the parts of a [`crate::Model`] or an error with a line.
//!
//! [`data`] reads JSON and UBJSON for the formats that are written in them.

pub(crate) mod catboost;
mod data;
pub(crate) mod lightgbm;
pub(crate) mod onnx;
pub(crate) mod pmml;
pub(crate) mod xgboost;

use crate::Format;

/// Keys at the top of a JSON document, one of which every file of its format has.
const KEYS: [(&str, Format); 5] = [
    ("learner", Format::XgBoost),
    ("tree_info", Format::LightGbm),
    ("oblivious_trees", Format::CatBoost),
    ("trees", Format::CatBoost),
    ("features_info", Format::CatBoost),
];

/// What the content of a file is.
pub(crate) fn detect(bytes: &[u8]) -> Option<Format> {
    let text = bytes.trim_ascii_start();
    match text {
        [b'<', ..] | [0xef, 0xbb, 0xbf, b'<', ..] => Some(Format::Pmml),
        [b'{', b'#' | b'$' | b'N' | b'i' | b'U' | b'I' | b'l' | b'L', ..] => Some(Format::XgBoost),
        [b'{', ..] => data::json::top_keys(text).find_map(|key| {
            let found = KEYS.iter().find(|(name, _)| *name == key);
            found.map(|(_, format)| *format)
        }),
        _ if text.starts_with(b"tree\n") || text.starts_with(b"tree\r\n") => Some(Format::LightGbm),
        _ if onnx::is_model(bytes) => Some(Format::Onnx),
        _ => text.starts_with(catboost::MAGIC).then_some(Format::CatBoost),
    }
}

/// What a file that is of no such format looks like, for its error.
pub(crate) fn resembles(bytes: &[u8]) -> &'static str {
    match bytes.trim_ascii_start() {
        [] => "it is empty",
        [b'b', b'i', b'n', b'f', ..] | [b'b', b's', b'6', b'4', ..] => {
            "it looks like XGBoost's old binary format; save the model as .json or .ubj"
        }
        [0x80, 2..=5, ..] => "it looks like a Python pickle; save the model by its library's own save_model",
        [b'P', b'K', 3, 4, ..] => "it looks like a zip archive; H2O MOJO and archives are not read",
        [b'{', ..] => "it is JSON without the keys of a model",
        _ => "unknown content",
    }
}
