//! `RuleSetModel`.

use super::fields::Fields;
use super::models::{self, Answer, Entities, MODEL};
use super::predicates::{self, PREDICATES};
use super::xml::Element;
use crate::Error;
use crate::graph::{Choice, Predicate, Rule, Rules, Step};

const RULE: &[&str] = &["id", "score", "recordCount", "nbCorrect", "confidence", "weight"];

/// Most predicates of all rules together: compound rules repeat theirs in each rule they hold.
const PREDICATES_MAX: usize = 1 << 20;

pub(super) fn read(model: &Element, fields: &mut Fields) -> Result<Answer, Error> {
    model.only(MODEL, &models::parts(&["RuleSet"]))?;
    model.one_of("functionName", &["classification"], "")?;
    let set = model.child("RuleSet")?.ok_or_else(|| model.invalid("RuleSet is missing"))?;
    let known = ["defaultScore", "recordCount", "nbCorrect", "defaultConfidence"];
    set.only(&known, &["RuleSelectionMethod", "ScoreDistribution", "SimpleRule", "CompoundRule"])?;
    let selection = set.all("RuleSelectionMethod").next();
    let selection = selection.ok_or_else(|| set.invalid("RuleSelectionMethod is missing"))?;
    selection.only(&["criterion"], &[])?;
    let choice = match selection.one_of("criterion", &["firstHit", "weightedSum", "weightedMax"], "")? {
        "weightedSum" => Choice::WeightedSum,
        "weightedMax" => Choice::WeightedMax,
        _ => Choice::FirstHit,
    };
    if fields.classes.is_empty() {
        scores(set, &mut fields.classes);
    }
    let mut reader = Reader { rules: Vec::new(), ids: Vec::new(), around: Vec::new(), size: 0 };
    reader.rules(set, fields)?;
    let default = match set.get("defaultScore") {
        Some(class) => Some((place(set, class, fields)?, set.number("defaultConfidence")?.unwrap_or(1.0))),
        None => None,
    };
    let mut answer = Answer::labelled(true, fields);
    let slot = fields.slots(1);
    answer.entities = Entities::One { slot, ids: reader.ids };
    let (symbols, to) = (answer.symbols(fields), answer.first);
    fields.steps.push(Step::Rules(Rules { rules: reader.rules, choice, default, symbols, to }));
    Ok(answer)
}

fn place(element: &Element, class: &str, fields: &Fields) -> Result<usize, Error> {
    let found = fields.classes.iter().position(|known| known == class);
    found.ok_or_else(|| element.invalid("a class that the target does not have"))
}

/// The classes that rules name, in the order of the file.
fn scores(holder: &Element, classes: &mut Vec<String>) {
    let named = holder.get("defaultScore").into_iter().chain(holder.get("score"));
    for class in named {
        if !classes.iter().any(|known| known == class) {
            classes.push(class.to_owned());
        }
    }
    holder.parts().for_each(|part| scores(part, classes));
}

struct Reader {
    rules: Vec<Rule>,
    ids: Vec<String>,
    /// The predicates of the compound rules around.
    around: Vec<Predicate>,
    size: usize,
}

impl Reader {
    fn rules(&mut self, holder: &Element, fields: &mut Fields) -> Result<(), Error> {
        for element in holder.parts() {
            match element.name.as_str() {
                "SimpleRule" => self.simple(element, fields)?,
                "CompoundRule" => {
                    element.only(&[], &[&PREDICATES[..], &["SimpleRule", "CompoundRule"]].concat())?;
                    let predicate = predicates::of(element, fields)?;
                    self.around.push(predicate);
                    self.rules(element, fields)?;
                    self.around.pop();
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn simple(&mut self, element: &Element, fields: &mut Fields) -> Result<(), Error> {
        element.only(RULE, &[&PREDICATES[..], &["ScoreDistribution"]].concat())?;
        let own = predicates::of(element, fields)?;
        self.size += 1 + self.around.iter().map(Predicate::size).sum::<usize>();
        if self.size > PREDICATES_MAX {
            return Err(element.unsupported(format!("more than {PREDICATES_MAX} predicates of compound rules")));
        }
        let predicate = match self.around.is_empty() {
            true => own,
            false => Predicate::And(self.around.iter().cloned().chain([own]).collect()),
        };
        let class = place(element, element.need("score")?, fields)?;
        let weight = element.number("weight")?.unwrap_or(1.0);
        let confidence = element.number("confidence")?.unwrap_or(1.0);
        let implicit = (self.ids.len() + 1).to_string();
        self.ids.push(element.get("id").map_or(implicit, str::to_owned));
        self.rules.push(Rule { predicate, class, weight, confidence });
        Ok(())
    }
}
