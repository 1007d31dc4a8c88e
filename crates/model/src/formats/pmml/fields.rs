//! The fields a model may read: inputs from data dictionary and mining schema, then derived ones.

use std::collections::{HashMap, HashSet};

use super::xml::Element;
use crate::features::{Binding, Codes};
use crate::graph::{Prepared, Step, Symbols};
use crate::linear::{Expression, Interval, Invalid, Outliers, Treatment, Validity};
use crate::{Error, Input, InputKind};

/// What a field's values are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Number,
    /// A category: its value is the number of a symbol.
    Symbol,
}

/// A field by its place among inputs and derived fields.
#[derive(Debug, Clone, Copy)]
pub(super) struct Field {
    pub at: usize,
    pub kind: Kind,
    /// Its numbers are rounded to single precision, and so are those it is compared with.
    pub single: bool,
}

#[derive(Default)]
pub(super) struct Fields {
    by_name: HashMap<String, Field>,
    symbols: Symbols,
    names: Vec<String>,
    /// For each input that is a category its codes: the values of the data dictionary and those it is compared with.
    categories: Vec<Option<Category>>,
    treatments: Vec<Treatment>,
    /// What is computed from them, in order.
    pub steps: Vec<Step>,
    /// Slots handed out beyond the inputs.
    more: usize,
    /// Names made known, in order, with what they meant before.
    log: Vec<(String, Option<Field>)>,
    /// The classes of the target, in the order of the data dictionary.
    pub classes: Vec<String>,
    /// Whether they are in order.
    pub is_ordinal: bool,
    /// The valid values of each data field that is a category, and whether they are in order.
    listed: HashMap<String, (Vec<String>, bool)>,
    /// Whether rows keep the texts that the document does not name.
    pub keeps_texts: bool,
    /// Uses of defined functions.
    pub uses: usize,
    /// The user-defined functions.
    pub functions: HashMap<String, Defined>,
}

/// A `DefineFunction`: the names of its parameters, and the expression of its body.
#[derive(Clone)]
pub(super) struct Defined {
    pub parameters: Vec<String>,
    pub body: Element,
    pub kind: Option<Kind>,
    pub single: bool,
}

#[derive(Default)]
struct Category {
    values: Vec<String>,
    /// The values as [`spelling`] has them.
    seen: HashSet<String>,
    /// Numbers used as categories: `1` and `1.0` are the same.
    numeric: bool,
}

fn spelling(numeric: bool, text: &str) -> String {
    match text.trim().parse::<f64>() {
        Ok(number) if numeric && number.is_finite() => (number + 0.0).to_string(),
        _ => text.to_owned(),
    }
}

impl Fields {
    /// The active fields, in the order of the mining schema.
    pub(super) fn read(dictionary: &Element, model: &Element) -> Result<Self, Error> {
        dictionary.only(&["numberOfFields"], &["DataField"])?;
        let mut data = HashMap::new();
        for field in dictionary.all("DataField") {
            if data.insert(field.need("name")?, field).is_some() {
                return Err(field.invalid("name comes twice"));
            }
        }
        let schema = model.child("MiningSchema")?.ok_or_else(|| model.invalid("MiningSchema is missing"))?;
        schema.only(&[], &["MiningField"])?;
        let mut fields = Self::default();
        for (name, field) in &data {
            if field.get("optype") != Some("continuous") {
                let is_ordinal = field.get("optype") == Some("ordinal");
                fields.listed.insert((*name).to_owned(), (listed_values(field)?[0].clone(), is_ordinal));
            }
        }
        fields.target(schema);
        for mining in schema.all("MiningField") {
            if mining.one_of("usageType", USAGES, "active")? != "active" {
                continue;
            }
            let name = mining.need("name")?;
            let field = data.get(name).ok_or_else(|| mining.invalid("not in the data dictionary"))?;
            fields.input(name, field, mining)?;
        }
        Ok(fields)
    }

    /// Take the classes of a schema's target; none where it has no target that is a category.
    pub(super) fn target(&mut self, schema: &Element) {
        let is_target = |field: &&Element| matches!(field.get("usageType"), Some("target" | "predicted"));
        let mut named = schema.all("MiningField").filter(is_target).filter_map(|field| field.get("name"));
        (self.classes, self.is_ordinal) = named.find_map(|name| self.listed.get(name).cloned()).unwrap_or_default();
    }

    fn input(&mut self, name: &str, data: &Element, mining: &Element) -> Result<(), Error> {
        data.only(&["name", "displayName", "optype", "dataType", "isCyclic"], &["Value", "Interval"])?;
        data.one_of("isCyclic", &["0"], "0")?;
        let numeric = ["integer", "float", "double"];
        let types = [&numeric[..], &["string", "boolean", "date", "time", "dateTime"]].concat();
        let data_type = data.one_of("dataType", &types, "")?;
        let op_type = data.one_of("optype", &["continuous", "categorical", "ordinal"], "")?;
        let kind = match op_type {
            _ if data_type.starts_with("date") || data_type == "time" => Kind::Symbol,
            "continuous" if !numeric.contains(&data_type) => return Err(data.unsupported("continuous but no number")),
            "continuous" => Kind::Number,
            _ => Kind::Symbol,
        };
        if mining.get("optype").is_some_and(|other| (other == "continuous") != (kind == Kind::Number)) {
            return Err(mining.unsupported("an optype other than the data field's"));
        }
        let [valid, mut missing, invalid] = listed_values(data)?;
        if kind == Kind::Number {
            // No number is a missing one already.
            missing.retain(|value| value != "NaN");
        }
        let category = match kind {
            Kind::Number => None,
            Kind::Symbol => {
                let values = [valid.as_slice(), &missing, &invalid].concat();
                let is_numeric = numeric.contains(&data_type);
                let seen = values.iter().map(|value| spelling(is_numeric, value)).collect();
                Some(Category { values, seen, numeric: is_numeric })
            }
        };
        if !invalid.is_empty() && (kind == Kind::Number || valid.is_empty()) {
            return Err(data.unsupported("a list of invalid values without one of valid ones"));
        }
        let at = self.names.len();
        let single = data_type == "float" && kind == Kind::Number;
        self.name(name, Field { at, kind, single }, data)?;
        self.names.push(name.to_owned());
        self.categories.push(category);
        let values = |texts: &[String], fields: &mut Self| {
            texts.iter().map(|text| fields.value_of(at, single, text, data)).collect::<Result<Vec<f64>, Error>>()
        };
        let missing = values(&missing, self)?;
        let listed = values(&valid, self)?;
        let intervals = data.all("Interval").map(interval).collect::<Result<Vec<_>, _>>()?;
        let validity = match (listed.is_empty(), intervals.is_empty()) {
            (true, true) => Validity::Any,
            (false, true) => Validity::Listed(listed),
            (true, false) if kind == Kind::Number => Validity::Within(intervals),
            _ => return Err(data.unsupported("intervals of categories or beside values")),
        };
        let treatment = self.treatment(Field { at, kind, single }, mining, missing, validity)?;
        self.treatments.push(treatment);
        Ok(())
    }

    /// How a mining field is treated.
    pub(super) fn treatment(
        &mut self,
        Field { at, kind, single }: Field,
        mining: &Element,
        missing: Vec<f64>,
        validity: Validity,
    ) -> Result<Treatment, Error> {
        mining.only(MINING_FIELD, &[])?;
        mining.one_of("optype", &["continuous", "categorical", "ordinal"], "continuous")?;
        let mut value = |name: &str| {
            let text = mining.get(name);
            text.map(|text| self.value_of(at, single, text, mining)).transpose()
        };
        let replacement = value("missingValueReplacement")?.unwrap_or(f64::NAN);
        let replaced = value("invalidValueReplacement")?;
        let treatments = ["returnInvalid", "asIs", "asMissing", "asValue"];
        let invalid = match (mining.one_of("invalidValueTreatment", &treatments, "returnInvalid")?, replaced) {
            ("returnInvalid", None) => Invalid::NoScore,
            ("asMissing", None) => Invalid::AsMissing,
            ("asIs", None) => Invalid::AsIs,
            ("asIs" | "asValue", Some(value)) => Invalid::Replaced(value),
            _ => return Err(mining.invalid("invalidValueReplacement does not fit invalidValueTreatment")),
        };
        let treatments = ["asIs", "asMean", "asMode", "asMedian", "asValue", "returnInvalid"];
        let missing_is_invalid = mining.one_of("missingValueTreatment", &treatments, "asIs")? == "returnInvalid";
        let outliers = match mining.one_of("outliers", &["asIs", "asMissingValues", "asExtremeValues"], "asIs")? {
            "asIs" => Outliers::Kept,
            _ if kind == Kind::Symbol => return Err(mining.invalid("outliers of a category")),
            "asMissingValues" => Outliers::Missing,
            _ => Outliers::Extreme,
        };
        let low = mining.number("lowValue")?.unwrap_or(f64::NEG_INFINITY);
        let high = mining.number("highValue")?.unwrap_or(f64::INFINITY);
        let symbols = (kind == Kind::Symbol).then(Vec::new);
        Ok(Treatment {
            symbols,
            missing,
            validity,
            invalid,
            outliers,
            low,
            high,
            replacement,
            missing_is_invalid,
            single,
        })
    }

    /// Make a name known.
    pub(super) fn name(&mut self, name: &str, field: Field, element: &Element) -> Result<(), Error> {
        match self.by_name.contains_key(name) {
            false => {
                self.shadow(name, field);
                Ok(())
            }
            true => Err(element.invalid("its name is taken")),
        }
    }

    /// Give a name another meaning, until it is forgotten.
    pub(super) fn shadow(&mut self, name: &str, field: Field) {
        let before = self.by_name.insert(name.to_owned(), field);
        self.log.push((name.to_owned(), before));
    }

    /// Where the names of a model in a segment begin.
    pub(super) fn mark(&self) -> usize {
        self.log.len()
    }

    /// Forget the names made known since.
    pub(super) fn forget(&mut self, mark: usize) {
        while self.log.len() > mark {
            match self.log.pop() {
                Some((name, Some(before))) => _ = self.by_name.insert(name, before),
                Some((name, None)) => _ = self.by_name.remove(&name),
                None => {}
            }
        }
    }

    /// Whether a field is an input.
    pub(super) fn is_input(&self, field: Field) -> bool {
        field.at < self.names.len()
    }

    /// Hand out slots; the first of them.
    pub(super) fn slots(&mut self, count: usize) -> usize {
        let first = self.names.len() + self.more;
        self.more += count;
        first
    }

    /// Make a derived field known.
    pub(super) fn derive(&mut self, element: &Element, kind: Kind, expression: Expression) -> Result<(), Error> {
        let at = self.slots(1);
        let single = matches!(expression, Expression::Single(_));
        self.name(element.need("name")?, Field { at, kind, single }, element)?;
        self.steps.push(Step::Derive(at, expression));
        Ok(())
    }

    /// A field by name: an active one, or a derived one defined before.
    pub(super) fn find(&self, name: &str, element: &Element) -> Result<Field, Error> {
        let field = self.by_name.get(name).copied();
        field.ok_or_else(|| element.invalid(format!("{name:.40?} is neither an active field nor derived before")))
    }

    /// A field that holds numbers.
    pub(super) fn number(&self, name: &str, element: &Element) -> Result<usize, Error> {
        match self.find(name, element)? {
            Field { at, kind: Kind::Number, .. } => Ok(at),
            _ => Err(element.invalid(format!("{name:.40?} is a category, not a number"))),
        }
    }

    /// The value that a text of the document means for a field.
    pub(super) fn literal(&mut self, field: Field, text: &str, element: &Element) -> Result<f64, Error> {
        let Some(Some(category)) = self.categories.get_mut(field.at) else {
            let value = self.literal_of(field.kind, text, element)?;
            return Ok(if field.single { f64::from(value as f32) } else { value });
        };
        let spelled = spelling(category.numeric, text);
        if category.seen.insert(spelled.clone()) {
            category.values.push(text.to_owned());
        }
        Ok(self.symbol(&spelled))
    }

    /// The value that a text means for an input; for a `single` one as precise as its cells are.
    fn value_of(&mut self, at: usize, single: bool, text: &str, element: &Element) -> Result<f64, Error> {
        match self.categories.get(at) {
            Some(Some(category)) => {
                let spelled = spelling(category.numeric, text);
                Ok(self.symbol(&spelled))
            }
            _ if single => Ok(f64::from(element.parse_number(text, "a value")? as f32)),
            _ => element.parse_number(text, "a value"),
        }
    }

    pub(super) fn literal_of(&mut self, kind: Kind, text: &str, element: &Element) -> Result<f64, Error> {
        match kind {
            Kind::Number => element.parse_number(text, "a value"),
            Kind::Symbol => Ok(self.symbol(text)),
        }
    }

    /// Equal texts have equal symbols.
    pub(super) fn symbol(&mut self, text: &str) -> f64 {
        self.symbols.add(text)
    }

    /// Inputs and bindings, and what is computed of a row.
    pub(super) fn into_parts(mut self) -> (Vec<Input>, Vec<Binding>, Prepared) {
        let slots = self.names.len() + self.more;
        let (mut inputs, mut bindings, mut texts_from) = (Vec::new(), Vec::new(), Vec::new());
        let categories = std::mem::take(&mut self.categories);
        for (at, (name, category)) in std::mem::take(&mut self.names).into_iter().zip(categories).enumerate() {
            let keeps = self.keeps_texts;
            let (kind, binding, from) = match category {
                None => (InputKind::Number, Binding::Number, None),
                Some(Category { values, numeric, .. }) => {
                    let symbols = values.iter().map(|value| self.symbol(&spelling(numeric, value))).collect();
                    self.treatments[at].symbols = Some(symbols);
                    // One past the last code stands for any other value.
                    let codes = Codes::new(&values, values.len() as f64);
                    let from = keeps.then_some(values.len() as f64);
                    let binding = if keeps { Binding::Text(codes) } else { Binding::Category(codes) };
                    (InputKind::Category { values }, binding, from)
                }
            };
            inputs.push(Input { name, kind });
            bindings.push(binding);
            texts_from.push(from);
        }
        let Self { treatments, steps, symbols, .. } = self;
        (inputs, bindings, Prepared { inputs: treatments, slots, steps, symbols, texts_from })
    }
}

/// The listed values of a data field: valid, missing, invalid.
fn listed_values(data: &Element) -> Result<[Vec<String>; 3], Error> {
    let mut lists = [const { Vec::new() }; 3];
    for value in data.all("Value") {
        value.only(&["value", "displayValue", "property"], &[])?;
        let list = match value.one_of("property", &["valid", "missing", "invalid"], "valid")? {
            "missing" => 1,
            "invalid" => 2,
            _ => 0,
        };
        lists[list].push(value.need("value")?.to_owned());
    }
    Ok(lists)
}

const USAGES: &[&str] =
    &["active", "predicted", "target", "supplementary", "group", "order", "frequencyWeight", "analysisWeight"];

const MINING_FIELD: &[&str] = &[
    "name",
    "usageType",
    "optype",
    "importance",
    "outliers",
    "lowValue",
    "highValue",
    "missingValueReplacement",
    "missingValueTreatment",
    "invalidValueTreatment",
    "invalidValueReplacement",
];

/// `Interval` of a data field or a bin; a margin that is left out is infinite.
pub(super) fn interval(element: &Element) -> Result<Interval, Error> {
    element.only(&["closure", "leftMargin", "rightMargin"], &[])?;
    let closures = ["openOpen", "openClosed", "closedOpen", "closedClosed"];
    let closure = element.one_of("closure", &closures, "")?;
    Ok(Interval {
        low: element.number("leftMargin")?.unwrap_or(f64::NEG_INFINITY),
        high: element.number("rightMargin")?.unwrap_or(f64::INFINITY),
        low_open: closure.starts_with("open"),
        high_open: closure.ends_with("Open"),
    })
}
