//! Cox regressions in PMML: the hazard up to a row's time, and which documents are refused.

use bordereau_model::{Format, Model};

use crate::pmml_models::{bind, check, document, load};
use crate::refused_pmml::refuse_each;

const NAN: f64 = f64::NAN;

/// Lines 7 to 22 of its document: the time is `x`, the stratum `c`; the risk is of `x` beyond 2 and of 1.
const COX: &str = r#"
<GeneralRegressionModel functionName="regression" modelType="CoxRegression" endTimeVariable="x" statusVariable="y" baselineStrataVariable="c">SCHEMA
<ParameterList>
<Parameter name="p1" referencePoint="2"/>
</ParameterList>
<CovariateList><Predictor name="x"/></CovariateList>
<PPMatrix>
<PPCell value="1" predictorName="x" parameterName="p1"/>
</PPMatrix>
<ParamMatrix>
<PCell parameterName="p1" beta="0.5"/>
</ParamMatrix>
<EventValues><Value value="yes"/></EventValues>
<BaseCumHazardTables>
<BaselineStratum value="a" label="A" maxTime="8"><BaselineCell time="1" cumHazard="0.1"/><BaselineCell time="4" cumHazard="0.3"/></BaselineStratum>
<BaselineStratum value="b" maxTime="4"><BaselineCell time="2" cumHazard="0.2"/></BaselineStratum>
</BaseCumHazardTables>
</GeneralRegressionModel>"#;

#[test]
fn a_hazard_is_the_baseline_of_its_time_and_stratum_times_the_risk() {
    let model = COX.trim_start();
    for (x, c, baseline) in [
        (0.5, "a", 0.0),
        (1.0, "a", 0.1),
        (3.9, "a", 0.1),
        (4.0, "a", 0.3),
        (8.0, "a", 0.3),
        (8.1, "a", NAN),
        (1.0, "b", 0.0),
        (4.0, "b", 0.2),
        (4.1, "b", NAN),
        (1.0, "z", NAN),
    ] {
        check(model, Some(x), Some(c), &[baseline * (0.5 * (x - 2.0)).exp()]);
    }
    check(model, Some(1.0), None, &[NAN]);
    check(model, None, Some("a"), &[NAN]);
    let loaded = load(model);
    assert_eq!((loaded.form(), loaded.link(), loaded.objective()), ("linear", "log", "CoxRegression"));
    // What is explained is the logarithm of the risk: 0.5 x, less that of the reference.
    let explained = loaded.explain(&bind(&loaded, &[(Some(4.0), Some("a"))])).unwrap();
    assert_eq!((explained.values, explained.bias), (vec![2.0, 0.0], vec![-1.0]));
    let plain = model
        .replace(" baselineStrataVariable=\"c\"", "")
        .replace("<BaseCumHazardTables>", "<BaseCumHazardTables maxTime=\"9\">");
    let (from, to) = (plain.find("<BaselineStratum").unwrap(), plain.find("</BaseCumHazardTables>").unwrap());
    let plain = [&plain[..from], "<BaselineCell time=\"3\" cumHazard=\"2\"/>", &plain[to..]].concat();
    check(&plain, Some(2.0), None, &[0.0]);
    check(&plain, Some(4.0), None, &[2.0 * 1.0_f64.exp()]);
    check(&plain, Some(9.5), None, &[NAN]);
}

#[test]
fn cox_regressions_that_do_not_fit_are_refused() {
    let from = COX.find("<BaseCumHazardTables>").unwrap();
    let to = COX.find("\n</GeneralRegressionModel").unwrap();
    refuse_each(
        COX,
        &[
            (" endTimeVariable=\"x\"", "", "7: GeneralRegressionModel: attribute endTimeVariable is missing"),
            (
                "endTimeVariable=\"x\"",
                "endTimeVariable=\"c\"",
                "7: GeneralRegressionModel: \"c\" is a category, not a number",
            ),
            (
                "StrataVariable=\"c\"",
                "StrataVariable=\"q\"",
                "7: GeneralRegressionModel: \"q\" is neither an active field nor derived before",
            ),
            (" baselineStrataVariable=\"c\"", "", "20: BaselineStratum: inside BaseCumHazardTables is not supported"),
            (
                "functionName=\"regression\"",
                "functionName=\"classification\"",
                "7: GeneralRegressionModel: classification by modelType \"CoxRegression\" is not supported",
            ),
            (
                "statusVariable",
                "trialsValue=\"2\" statusVariable",
                "7: GeneralRegressionModel: trials of a hazard is not supported",
            ),
            ("statusVariable", "odd=\"\" statusVariable", "7: GeneralRegressionModel: attribute odd is not supported"),
            (&COX[from..to], "", "7: GeneralRegressionModel: BaseCumHazardTables is missing"),
            (" maxTime=\"8\"", "", "20: BaselineStratum: attribute maxTime is missing"),
            ("time=\"4\"", "time=\"1\"", "20: BaselineCell: time is not above the one before, or above maxTime"),
            ("time=\"4\"", "time=\"9\"", "20: BaselineCell: time is not above the one before, or above maxTime"),
            ("cumHazard=\"0.3\"", "cumHazard=\"z\"", "20: BaselineCell: cumHazard is not a finite number"),
            ("value=\"b\" maxTime", "maxTime", "21: BaselineStratum: attribute value is missing"),
        ],
    );
    let strata = "<BaselineStratum value=\"b\" maxTime=\"4\"/>".repeat(64);
    let many = document(&COX[1..].replace("</BaseCumHazardTables>", &format!("{strata}</BaseCumHazardTables>")));
    let refused = Model::load(Format::Pmml, many.as_bytes()).unwrap_err().to_string();
    assert_eq!(refused, "PMML model, line 19: BaseCumHazardTables: more than 64 strata is not supported");
    let other = COX.replace("CoxRegression", "generalLinear");
    let refused = Model::load(Format::Pmml, document(&other[1..]).as_bytes()).unwrap_err().to_string();
    assert_eq!(refused, "PMML model, line 7: GeneralRegressionModel: attribute endTimeVariable is not supported");
}
