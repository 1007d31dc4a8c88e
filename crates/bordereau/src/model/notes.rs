//! What a user should know of how a model's rows are read: its own notes, and the rules of its format.

use bordereau_model::{Format, InputKind, Model};

/// One sentence each.
pub fn of(model: &Model) -> Vec<String> {
    let mut notes = model.about().notes.clone();
    let categories = model.inputs().iter().any(|input| matches!(input.kind, InputKind::Category { .. }));
    let rule = match model.format() {
        Format::LightGbm if categories => Some("a category that is not listed counts as missing, as in LightGBM"),
        Format::XgBoost if categories => {
            Some("a category that is not listed counts as missing (XGBoost itself would refuse the row)")
        }
        Format::CatBoost if categories => {
            Some("categories are known by a hash; one that is in no split is unlike all that are")
        }
        Format::XgBoost => Some("cells are rounded to single precision first, as in XGBoost"),
        _ => None,
    };
    notes.extend(rule.map(str::to_owned));
    notes
}
