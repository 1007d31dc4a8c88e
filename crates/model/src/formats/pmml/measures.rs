//! `ComparisonMeasure`, of clusters and of nearest neighbours.

use super::xml::Element;
use crate::Error;
use crate::graph::{Comparison, Distance};

/// What a document says of all fields together.
pub(super) struct Comparing {
    pub distance: Distance,
    pub is_likeness: bool,
    default: String,
}

const FUNCTIONS: &[&str] = &["absDiff", "gaussSim", "delta", "equal"];

pub(super) fn read(model: &Element) -> Result<Comparing, Error> {
    let element = model.child("ComparisonMeasure")?.ok_or_else(|| model.invalid("ComparisonMeasure is missing"))?;
    element.only(&["kind", "compareFunction", "minimum", "maximum"], KINDS)?;
    let is_likeness = element.one_of("kind", &["distance", "similarity"], "")? == "similarity";
    let default = element.one_of("compareFunction", FUNCTIONS, "absDiff")?.to_owned();
    let mut found = element.parts();
    let (Some(kind), None) = (found.next(), found.next()) else {
        return Err(element.invalid("holds not exactly one measure"));
    };
    let distance = match kind.name.as_str() {
        "minkowski" => {
            kind.only(&["p-parameter"], &[])?;
            let power = kind.parse_number(kind.need("p-parameter")?, "p-parameter")?;
            if power <= 0.0 {
                return Err(kind.invalid("p-parameter is not above 0"));
            }
            Distance::Minkowski(power)
        }
        "binarySimilarity" => binary(kind)?,
        _ => {
            kind.only(&[], &[])?;
            match kind.name.as_str() {
                "euclidean" => Distance::Euclidean,
                "squaredEuclidean" => Distance::SquaredEuclidean,
                "chebychev" => Distance::Chebychev,
                "cityBlock" => Distance::CityBlock,
                "simpleMatching" => Distance::Binary([1.0, 0.0, 0.0, 1.0], [1.0; 4]),
                "jaccard" => Distance::Binary([1.0, 0.0, 0.0, 0.0], [1.0, 1.0, 1.0, 0.0]),
                _ => Distance::Binary([1.0, 0.0, 0.0, 1.0], [1.0, 2.0, 2.0, 1.0]),
            }
        }
    };
    match is_likeness == matches!(distance, Distance::Binary(..)) {
        true => Ok(Comparing { distance, is_likeness, default }),
        false => Err(kind.unsupported(format!("as a {}", element.need("kind")?))),
    }
}

const KINDS: &[&str] = &[
    "euclidean",
    "squaredEuclidean",
    "chebychev",
    "cityBlock",
    "minkowski",
    "simpleMatching",
    "jaccard",
    "tanimoto",
    "binarySimilarity",
];

/// Weights of fields that are both 1, only the row's, only the other's, neither.
fn binary(kind: &Element) -> Result<Distance, Error> {
    let names = ["11", "10", "01", "00"];
    let attributes: Vec<String> =
        ["c", "d"].iter().flat_map(|letter| names.map(|name| format!("{letter}{name}-parameter"))).collect();
    kind.only(&attributes.iter().map(String::as_str).collect::<Vec<_>>(), &[])?;
    let mut numbers = Vec::with_capacity(attributes.len());
    for attribute in &attributes {
        numbers.push(kind.parse_number(kind.need(attribute)?, attribute)?);
    }
    let half = |from: usize| [numbers[from], numbers[from + 1], numbers[from + 2], numbers[from + 3]];
    Ok(Distance::Binary(half(0), half(4)))
}

impl Comparing {
    /// How the values of one field are compared: as it says, or as all do.
    pub(super) fn comparison(&self, field: &Element) -> Result<Comparison, Error> {
        Ok(match field.one_of("compareFunction", FUNCTIONS, &self.default)? {
            "gaussSim" => {
                let scale = field.number("similarityScale")?;
                let scale = scale.ok_or_else(|| field.invalid("attribute similarityScale is missing"))?;
                Comparison::Gauss { scale }
            }
            "delta" => Comparison::Unequal,
            "equal" => Comparison::Equal,
            _ => Comparison::Difference,
        })
    }
}
