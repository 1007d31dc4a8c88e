//! From an unknown upload to a release: the data dictionary that a profile drafts passes `bordereau solution check`.

use std::fs;
use std::path::Path;

use crate::program::{run, said};

const MANIFEST: &str = r#"
solution = "drafted"
version = "1"
title = "Drafted"
active_from = "2024-01-01T00:00:00Z"
record = "policy"

[submissions.scoring]
title = "Score policies"

[relations.vehicle]
required = false

[[models]]
name = "cost"
title = "Cost"
file = "models/cost.pmml"
format = "pmml"
prediction = "cost_prediction"
worse = "higher"
bound_format = "dollars"
interpretation = "{lower_bound} to {upper_bound}"

[[models.bins]]
bin = 1
lower_bound = 0
upper_bound = 1000

[explanations]
premium = { description = "Premium" }
renewal = { description = "Renewed" }
year = { description = "Year" }
doors = { description = "Doors of all vehicles" }
state = { description = "State" }
"#;

/// Reads a field of each type that is drafted, and a relation that is drafted as a child.
const FEATURES: &str = "
SELECT p.record AS record, p.premium AS premium, p.state AS state,
  CASE WHEN p.renewal THEN 1 ELSE 0 END AS renewal, date_part('year', p.effective_date) AS year,
  coalesce(v.doors, 0) AS doors
FROM policy p
LEFT JOIN (SELECT record, CAST(sum(doors) AS DOUBLE) AS doors FROM vehicle GROUP BY record) v ON v.record = p.record";

const MODEL: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<PMML version="4.4" xmlns="http://www.dmg.org/PMML-4_4">
  <Header/>
  <DataDictionary>
    <DataField name="cost" optype="continuous" dataType="double"/>
    <DataField name="premium" optype="continuous" dataType="double"/>
    <DataField name="renewal" optype="continuous" dataType="double"/>
    <DataField name="year" optype="continuous" dataType="double"/>
    <DataField name="doors" optype="continuous" dataType="double"/>
    <DataField name="state" optype="categorical" dataType="string"><Value value="CA"/><Value value="TX"/></DataField>
  </DataDictionary>
  <RegressionModel functionName="regression">
    <MiningSchema>
      <MiningField name="cost" usageType="target"/>
      <MiningField name="premium" missingValueReplacement="500"/>
      <MiningField name="renewal"/>
      <MiningField name="year"/>
      <MiningField name="doors"/>
      <MiningField name="state" invalidValueTreatment="asIs"/>
    </MiningSchema>
    <RegressionTable intercept="10">
      <NumericPredictor name="premium" coefficient="0.5"/>
      <NumericPredictor name="renewal" coefficient="-1"/>
      <NumericPredictor name="year" coefficient="0.001"/>
      <NumericPredictor name="doors" coefficient="2"/>
      <CategoricalPredictor name="state" value="CA" coefficient="1"/>
    </RegressionTable>
  </RegressionModel>
</PMML>
"#;

/// A book of policies and their vehicles: keys, texts, numbers with holes, dates, flags.
fn write_book(folder: &Path) {
    let mut policies = String::from("policy_number,state,premium,effective_date,renewal\n");
    let mut vehicles = String::from("vehicle_id,policy_number,doors,note\n");
    for row in 0..200 {
        let premium = if row % 10 == 3 { String::new() } else { format!("{}.50", 100 + row * 7 % 900) };
        let (state, renewal) = (["CA", "CA", "TX", "NY"][row % 4], if row % 3 == 0 { "N" } else { "Y" });
        let date = format!("{}-{:02}-15", 2020 + row % 4, row % 12 + 1);
        policies.push_str(&format!("P{row:05},{state},{premium},{date},{renewal}\n"));
        for vehicle in 0..=row % 3 {
            let note = if vehicle == 0 { "garaged, \"at home\"" } else { "" };
            vehicles.push_str(&format!(
                "V{row:04}{vehicle},P{row:05},{},\"{}\"\n",
                2 + row % 4,
                note.replace('"', "\"\"")
            ));
        }
    }
    fs::write(folder.join("policy.csv"), policies).unwrap();
    fs::write(folder.join("vehicle.csv"), vehicles).unwrap();
}

#[test]
fn a_drafted_data_dictionary_passes_solution_check_and_fits_its_own_upload() {
    let folder = tempfile::tempdir().unwrap();
    let [book, release] = ["book", "solutions/drafted/1"].map(|name| folder.path().join(name));
    fs::create_dir(&book).unwrap();
    fs::create_dir_all(release.join("models")).unwrap();
    write_book(&book);
    for (name, text) in [("solution.toml", MANIFEST), ("features.sql", FEATURES), ("models/cost.pmml", MODEL)] {
        fs::write(release.join(name), text).unwrap();
    }
    let package = release.join("datapackage.json");
    let draft = [Path::new("profile"), &book, Path::new("--datapackage"), &package];
    let (code, _, errors) = said(&run(draft));
    assert_eq!((code, errors.as_str()), (0, ""));
    let drafted: serde_json::Value = serde_json::from_slice(&fs::read(&package).unwrap()).unwrap();
    let schema = |relation: usize| &drafted["resources"][relation]["schema"];
    assert_eq!(schema(0)["primaryKey"], "policy_number");
    assert_eq!(schema(1)["foreignKeys"][0]["reference"]["resource"], "policy");

    let (code, text, errors) = said(&run([Path::new("solution"), Path::new("check"), &release]));
    assert_eq!(code, 0, "{text}{errors}");
    assert!(text.contains("good; a dry run scored"), "{text}");

    let solutions = folder.path().join("solutions");
    let held = ["profile", book.to_str().unwrap(), "--against", "drafted/scoring", "--solutions"];
    let (code, text, errors) = said(&run(held.map(Path::new).into_iter().chain([solutions.as_path()])));
    assert_eq!((code, errors.as_str()), (0, ""));
    assert!(text.contains("Against drafted/scoring 1: fits"), "{text}");
    assert!(text.contains("200 of 200 records would be scored"), "{text}");
}
