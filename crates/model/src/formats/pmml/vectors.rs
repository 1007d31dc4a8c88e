//! `SupportVectorMachineModel`.

use std::collections::HashMap;

use super::fields::{Fields, Kind};
use super::models::{self, Answer, MODEL};
use super::xml::Element;
use crate::Error;
use crate::graph::{Entry, Kernel, Machine, Machines, Step, Verdict};

const ATTRIBUTES: &[&str] = &["threshold", "svmRepresentation", "classificationMethod", "maxWins"];
const KERNELS: &[&str] = &["LinearKernelType", "PolynomialKernelType", "RadialBasisKernelType", "SigmoidKernelType"];

/// Most numbers of all vectors together, which sparse arrays could name in few bytes.
const CELLS_MAX: usize = 1 << 26;

pub(super) fn read(model: &Element, fields: &mut Fields) -> Result<Answer, Error> {
    let parts = [KERNELS, &["VectorDictionary", "SupportVectorMachine"]].concat();
    model.only(&[MODEL, ATTRIBUTES].concat(), &models::parts(&parts))?;
    model.one_of("x-mathContext", &["double"], "double")?;
    let is_classes = model.one_of("functionName", &["regression", "classification"], "")? == "classification";
    let representations = ["SupportVectors", "Coefficients"];
    let by_vectors = model.one_of("svmRepresentation", &representations, "SupportVectors")? == "SupportVectors";
    let kernel = kernel(model)?;
    if !by_vectors && kernel != Kernel::Linear {
        return Err(model.unsupported("coefficients of a kernel that is not linear"));
    }
    let dictionary = model.child("VectorDictionary")?.ok_or_else(|| model.invalid("VectorDictionary is missing"))?;
    dictionary.only(&["numberOfVectors"], &["VectorFields", "VectorInstance"])?;
    let entries = entries(dictionary, fields)?;
    let (mut vectors, mut places) = (Vec::new(), HashMap::new());
    for instance in dictionary.all("VectorInstance") {
        instance.only(&["id"], &["Array", "REAL-SparseArray"])?;
        if (vectors.len() + 1) * entries.len() > CELLS_MAX {
            return Err(instance.unsupported(format!("more than {CELLS_MAX} numbers")));
        }
        if places.insert(instance.need("id")?, vectors.len()).is_some() {
            return Err(instance.invalid("its id is taken"));
        }
        vectors.push(vector(instance, entries.len())?);
    }
    let list: Vec<&Element> = model.all("SupportVectorMachine").collect();
    let mut machines = Vec::with_capacity(list.len());
    for element in &list {
        machines.push(machine(element, by_vectors, &places, entries.len())?);
    }
    if machines.is_empty() {
        return Err(model.invalid("SupportVectorMachine is missing"));
    }
    if is_classes && fields.classes.is_empty() {
        fields.classes = named(&list);
    }
    let verdict = if is_classes { verdict(model, &list, fields)? } else { Verdict::Number };
    if !is_classes && machines.len() != 1 {
        return Err(model.invalid("a regression of several machines"));
    }
    let answer = Answer::new(is_classes, fields);
    // The machines' own numbers are behind the answer.
    fields.slots(machines.len());
    let (to, width) = (answer.first, answer.width);
    fields.steps.push(Step::Machines(Machines { kernel, entries, vectors, machines, verdict, to, width }));
    Ok(answer)
}

fn kernel(model: &Element) -> Result<Kernel, Error> {
    let mut found = model.parts().filter(|part| KERNELS.contains(&part.name.as_str()));
    let (Some(kernel), None) = (found.next(), found.next()) else {
        return Err(model.invalid("holds not exactly one kernel"));
    };
    kernel.only(&["description", "gamma", "coef0", "degree"], &[])?;
    let number = |name: &str| Ok::<f64, Error>(kernel.number(name)?.unwrap_or(1.0));
    Ok(match kernel.name.as_str() {
        "LinearKernelType" => Kernel::Linear,
        "PolynomialKernelType" => {
            Kernel::Polynomial { gamma: number("gamma")?, constant: number("coef0")?, degree: number("degree")? }
        }
        "RadialBasisKernelType" => Kernel::Radial { gamma: number("gamma")? },
        _ => Kernel::Sigmoid { gamma: number("gamma")?, constant: number("coef0")? },
    })
}

fn entries(dictionary: &Element, fields: &mut Fields) -> Result<Vec<Entry>, Error> {
    let list = dictionary.child("VectorFields")?.ok_or_else(|| dictionary.invalid("VectorFields is missing"))?;
    list.only(&["numberOfFields"], &["FieldRef", "CategoricalPredictor"])?;
    let mut entries = Vec::new();
    for part in list.parts() {
        entries.push(match part.name.as_str() {
            "FieldRef" => {
                part.only(&["field"], &[])?;
                Entry::Field(fields.number(part.need("field")?, part)?)
            }
            _ => {
                part.only(&["name", "value", "coefficient"], &[])?;
                let field = fields.find(part.need("name")?, part)?;
                if field.kind == Kind::Number {
                    return Err(part.unsupported("a number as category"));
                }
                let symbol = fields.literal(field, part.need("value")?, part)?;
                let coefficient = part.number("coefficient")?.unwrap_or(1.0);
                Entry::Is { field: field.at, symbol, coefficient }
            }
        });
    }
    match entries.is_empty() {
        true => Err(list.invalid("no field")),
        false => Ok(entries),
    }
}

/// The numbers of a vector, in an array or a sparse one.
fn vector(instance: &Element, count: usize) -> Result<Vec<f64>, Error> {
    let Some(sparse) = instance.child("REAL-SparseArray")? else {
        return super::clustering::numbers(instance, count);
    };
    sparse.only(&["n", "defaultValue"], &["Indices", "REAL-Entries"])?;
    if sparse.number("n")?.is_some_and(|n| n != count as f64) {
        return Err(sparse.invalid(format!("n is not {count}")));
    }
    let mut numbers = vec![sparse.number("defaultValue")?.unwrap_or(0.0); count];
    let texts = |name: &str| {
        let text = sparse.child(name)?.map_or("", |part| part.text.as_str());
        Ok::<Vec<&str>, Error>(text.split_whitespace().collect())
    };
    let (indices, values) = (texts("Indices")?, texts("REAL-Entries")?);
    if indices.len() != values.len() {
        return Err(sparse.invalid("not as many Indices as REAL-Entries"));
    }
    for (index, value) in indices.into_iter().zip(values) {
        let place = index.parse::<usize>().ok().and_then(|index| numbers.get_mut(index.wrapping_sub(1)));
        *place.ok_or_else(|| sparse.invalid("an index that the vector does not have"))? =
            sparse.parse_number(value, "an entry")?;
    }
    Ok(numbers)
}

const MACHINE: &[&str] = &["targetCategory", "alternateTargetCategory", "threshold"];

fn machine(
    element: &Element,
    by_vectors: bool,
    places: &HashMap<&str, usize>,
    width: usize,
) -> Result<(Machine, f64), Error> {
    element.only(MACHINE, &["SupportVectors", "Coefficients"])?;
    let list = element.child("Coefficients")?.ok_or_else(|| element.invalid("Coefficients is missing"))?;
    list.only(&["numberOfCoefficients", "absoluteValue"], &["Coefficient"])?;
    let constant = list.number("absoluteValue")?.unwrap_or(0.0);
    let mut coefficients = Vec::new();
    for coefficient in list.all("Coefficient") {
        coefficient.only(&["value"], &[])?;
        coefficients.push(coefficient.number("value")?.unwrap_or(0.0));
    }
    if !by_vectors {
        return match coefficients.len() == width {
            true => Ok((Machine::Coefficients(coefficients), constant)),
            false => Err(list.invalid(format!("{} coefficients of {width} fields", coefficients.len()))),
        };
    }
    let vectors = element.child("SupportVectors")?.ok_or_else(|| element.invalid("SupportVectors is missing"))?;
    vectors.only(&["numberOfSupportVectors", "numberOfAttributes"], &["SupportVector"])?;
    let mut parts = Vec::with_capacity(coefficients.len());
    for (at, vector) in vectors.all("SupportVector").enumerate() {
        vector.only(&["vectorId"], &[])?;
        let place = places.get(vector.need("vectorId")?).copied();
        let place = place.ok_or_else(|| vector.invalid("vectorId is not in the VectorDictionary"))?;
        let coefficient = coefficients.get(at).copied();
        parts.push((place, coefficient.ok_or_else(|| vector.invalid("has no coefficient"))?));
    }
    match parts.len() == coefficients.len() {
        true => Ok((Machine::Vectors(parts), constant)),
        false => Err(list.invalid("not as many coefficients as vectors")),
    }
}

/// The classes that machines name, in the order of the file.
fn named(machines: &[&Element]) -> Vec<String> {
    let mut classes: Vec<String> = Vec::new();
    let names = ["targetCategory", "alternateTargetCategory"];
    for class in machines.iter().flat_map(|machine| names.map(|name| machine.get(name))).flatten() {
        if !classes.iter().any(|known| known == class) {
            classes.push(class.to_owned());
        }
    }
    classes
}

/// Which class wins.
fn verdict(model: &Element, machines: &[&Element], fields: &Fields) -> Result<Verdict, Error> {
    let is_max_wins = model.one_of("maxWins", &["true", "false"], "false")? == "true";
    let method = model.one_of("classificationMethod", &["OneAgainstAll", "OneAgainstOne"], "OneAgainstAll")?;
    let all = model.number("threshold")?.unwrap_or(0.0);
    let place = |machine: &Element, name: &str| {
        let class = machine.need(name)?;
        let found = fields.classes.iter().position(|known| known == class);
        found.ok_or_else(|| machine.invalid(format!("{name} is a class that the target does not have")))
    };
    let is_pairs = method == "OneAgainstOne"
        || (machines.len() == 1 && machines.iter().all(|machine| machine.get("alternateTargetCategory").is_some()));
    if is_pairs {
        let vote = |machine: &&Element| {
            let threshold = machine.number("threshold")?.unwrap_or(all);
            Ok((place(machine, "targetCategory")?, place(machine, "alternateTargetCategory")?, threshold))
        };
        let votes = machines.iter().map(vote).collect::<Result<Vec<_>, Error>>()?;
        return Ok(Verdict::Pairs { votes, is_max_wins });
    }
    let classes = machines.iter().map(|machine| place(machine, "targetCategory")).collect::<Result<Vec<_>, Error>>()?;
    Ok(Verdict::Extreme { classes, is_max_wins })
}
