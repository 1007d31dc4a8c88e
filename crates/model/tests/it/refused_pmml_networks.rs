//! What of networks, naive Bayes and support vector machines in PMML is refused, and in which words.

use bordereau_model::{Format, Model};

use crate::pmml_models::document;
use crate::refused_pmml::refuse_each;

/// Lines 7 to 19 of its document.
const NETWORK: &str = r#"
<NeuralNetwork functionName="regression" activationFunction="tanh">SCHEMA
<NeuralInputs>
<NeuralInput id="i"><DerivedField optype="continuous" dataType="double"><FieldRef field="x"/></DerivedField></NeuralInput>
</NeuralInputs>
<NeuralLayer>
<Neuron id="h" bias="1"><Con from="i" weight="2"/></Neuron>
</NeuralLayer>
<NeuralOutputs>
<NeuralOutput outputNeuron="h">
<DerivedField optype="continuous" dataType="double"><NormContinuous field="y"><LinearNorm orig="10" norm="0"/><LinearNorm orig="20" norm="1"/></NormContinuous></DerivedField>
</NeuralOutput>
</NeuralOutputs>
</NeuralNetwork>"#;

#[test]
fn networks_that_do_not_fit_are_refused() {
    let inputs = "<NeuralInputs>\n<NeuralInput id=\"i\"><DerivedField optype=\"continuous\" dataType=\"double\"><FieldRef field=\"x\"/></DerivedField></NeuralInput>\n</NeuralInputs>";
    let input = "<DerivedField optype=\"continuous\" dataType=\"double\"><FieldRef field=\"x\"/></DerivedField>";
    let norm = "<NormContinuous field=\"y\"><LinearNorm orig=\"10\" norm=\"0\"/><LinearNorm orig=\"20\" norm=\"1\"/></NormContinuous>";
    let output = format!("<DerivedField optype=\"continuous\" dataType=\"double\">{norm}</DerivedField>");
    let twice = format!("</NeuralOutput><NeuralOutput outputNeuron=\"h\">{output}</NeuralOutput>\n</NeuralOutputs>");
    refuse_each(
        NETWORK,
        &[
            (inputs, "", "7: NeuralNetwork: NeuralInputs is missing"),
            (input, "", "9: NeuralInput: DerivedField is missing"),
            (
                "<FieldRef field=\"x\"/>",
                "<FieldRef field=\"c\"/>",
                "9: DerivedField: a category as number is not supported",
            ),
            ("\"tanh\"", "\"spike\"", "11: NeuralLayer: activationFunction=\"spike\" is not supported"),
            (" activationFunction=\"tanh\"", "", "11: NeuralLayer: activationFunction=\"\" is not supported"),
            (
                "<NeuralLayer>",
                "<NeuralLayer normalizationMethod=\"odd\">",
                "11: NeuralLayer: normalizationMethod=\"odd\" is not supported",
            ),
            ("from=\"i\"", "from=\"h\"", "12: Con: from is no neuron or input before"),
            ("weight=\"2\"", "", "12: Con: attribute weight is missing"),
            ("outputNeuron=\"h\"", "outputNeuron=\"z\"", "15: NeuralOutput: outputNeuron is no neuron"),
            (&output, "", "15: NeuralOutput: DerivedField is missing"),
            (norm, "", "16: DerivedField: is empty"),
            (norm, "<Constant>1</Constant>", "16: Constant: this output is not supported"),
            (
                "norm=\"1\"",
                "norm=\"0\"",
                "16: NormContinuous: LinearNorm that are not at least two with ascending norm is not supported",
            ),
            (
                "field=\"y\"><",
                "field=\"y\" outliers=\"asMissingValues\"><",
                "16: NormContinuous: outliers=\"asMissingValues\" is not supported",
            ),
            (
                "</NeuralOutput>\n</NeuralOutputs>",
                &twice,
                "14: NeuralOutputs: 2 outputs for 1 answers is not supported",
            ),
            (
                "functionName=\"regression\"",
                "functionName=\"odd\"",
                "7: NeuralNetwork: functionName=\"odd\" is not supported",
            ),
        ],
    );
    let start = NETWORK.find("\n<NeuralOutputs>").unwrap();
    let without = document(&[&NETWORK[1..start], "</NeuralNetwork>"].concat());
    let refused = Model::load(Format::Pmml, without.as_bytes()).unwrap_err().to_string();
    assert_eq!(refused, "PMML model, line 7: NeuralNetwork: NeuralOutputs is missing");
    let classes = NETWORK.replace("functionName=\"regression\"", "functionName=\"classification\"");
    let class = "<NormDiscrete field=\"y\" value=\"yes\"/>";
    let of_class =
        format!("<DerivedField optype=\"categorical\" dataType=\"string\">{class}</DerivedField>\n</NeuralOutput>");
    let both = [&of_class, "<NeuralOutput outputNeuron=\"h\">", &of_class.replace("yes", "no")].concat();
    let classes = classes.replace(&format!("{output}\n</NeuralOutput>"), &both);
    refuse_each(
        &classes,
        &[(
            class,
            "<NormDiscrete field=\"y\" value=\"maybe\"/>",
            "16: NormDiscrete: value is not a class of the target",
        )],
    );
}

/// Lines 7 to 24 of its document.
const BAYES: &str = r#"
<NaiveBayesModel functionName="classification" threshold="0.001">SCHEMA
<BayesInputs>
<BayesInput fieldName="x">
<TargetValueStats>
<TargetValueStat value="no"><GaussianDistribution mean="0" variance="1"/></TargetValueStat>
<TargetValueStat value="yes"><GaussianDistribution mean="2" variance="1"/></TargetValueStat>
</TargetValueStats>
</BayesInput>
<BayesInput fieldName="c">
<PairCounts value="a"><TargetValueCounts><TargetValueCount value="no" count="1"/></TargetValueCounts></PairCounts>
</BayesInput>
</BayesInputs>
<BayesOutput fieldName="y">
<TargetValueCounts>
<TargetValueCount value="no" count="3"/><TargetValueCount value="yes" count="1"/>
</TargetValueCounts>
</BayesOutput>
</NaiveBayesModel>"#;

#[test]
fn naive_bayes_that_does_not_fit_is_refused() {
    let yes = "<TargetValueStat value=\"yes\"><GaussianDistribution mean=\"2\" variance=\"1\"/></TargetValueStat>";
    let pairs = "<TargetValueCounts><TargetValueCount value=\"no\" count=\"1\"/></TargetValueCounts>";
    let counts = "<TargetValueCounts>\n<TargetValueCount value=\"no\" count=\"3\"/><TargetValueCount value=\"yes\" count=\"1\"/>\n</TargetValueCounts>";
    let (start, end) = (BAYES.find("\n<BayesInputs>").unwrap(), BAYES.find("\n<BayesOutput").unwrap());
    let (inputs, outputs) = (&BAYES[start..end], &BAYES[end..BAYES.find("\n</NaiveBayes").unwrap()]);
    refuse_each(
        BAYES,
        &[
            ("threshold=\"0.001\"", "", "7: NaiveBayesModel: attribute threshold is missing"),
            (
                "functionName=\"classification\"",
                "functionName=\"regression\"",
                "7: NaiveBayesModel: functionName=\"regression\" is not supported",
            ),
            (outputs, "", "7: NaiveBayesModel: BayesOutput is missing"),
            (inputs, "", "7: NaiveBayesModel: BayesInputs is missing"),
            (counts, "", "19: BayesOutput: TargetValueCounts is missing"),
            ("count=\"3\"", "count=\"0\"", "20: TargetValueCounts: a class without rows is not supported"),
            ("count=\"3\"", "count=\"-3\"", "21: TargetValueCount: count is below 0"),
            (
                "value=\"no\" count=\"3\"",
                "value=\"nay\" count=\"3\"",
                "21: TargetValueCount: value is not a class of the target",
            ),
            (yes, "", "10: TargetValueStats: not a distribution for each class"),
            (yes, "<TargetValueStat value=\"yes\"/>", "12: TargetValueStat: no GaussianDistribution is not supported"),
            (
                "mean=\"2\" variance=\"1\"",
                "mean=\"2\" variance=\"0\"",
                "12: GaussianDistribution: variance is not above 0",
            ),
            (
                "TargetValueStat value=\"yes\"",
                "TargetValueStat value=\"yea\"",
                "12: TargetValueStat: value is not a class of the target",
            ),
            ("fieldName=\"x\"", "fieldName=\"c\"", "9: BayesInput: a distribution of a category"),
            (pairs, "", "16: PairCounts: TargetValueCounts is missing"),
        ],
    );
}

/// Lines 7 to 21 of its document.
const MACHINE: &str = r#"
<SupportVectorMachineModel functionName="classification" classificationMethod="OneAgainstOne">SCHEMA
<LinearKernelType/>
<VectorDictionary>
<VectorFields><FieldRef field="x"/><CategoricalPredictor name="c" value="a"/></VectorFields>
<VectorInstance id="v"><Array type="real" n="2">1 2</Array></VectorInstance>
<VectorInstance id="w">
<REAL-SparseArray n="2"><Indices>1</Indices><REAL-Entries>3</REAL-Entries></REAL-SparseArray>
</VectorInstance>
</VectorDictionary>
<SupportVectorMachine targetCategory="yes" alternateTargetCategory="no">
<SupportVectors><SupportVector vectorId="v"/><SupportVector vectorId="w"/></SupportVectors>
<Coefficients><Coefficient value="1"/><Coefficient value="-2"/></Coefficients>
</SupportVectorMachine>
</SupportVectorMachineModel>"#;

#[test]
fn machines_that_do_not_fit_are_refused() {
    let fields = "<FieldRef field=\"x\"/><CategoricalPredictor name=\"c\" value=\"a\"/>";
    let array = "<Array type=\"real\" n=\"2\">1 2</Array>";
    let (start, end) =
        (MACHINE.find("<SupportVectorMachine ").unwrap(), MACHINE.find("\n</SupportVectorMachineModel").unwrap());
    let one = &MACHINE[start..end];
    let (from, to) = (MACHINE.find("<VectorDictionary>").unwrap(), start);
    refuse_each(
        MACHINE,
        &[
            ("<LinearKernelType/>", "", "7: SupportVectorMachineModel: holds not exactly one kernel"),
            (
                "<LinearKernelType/>",
                "<LinearKernelType/><LinearKernelType/>",
                "7: SupportVectorMachineModel: holds not exactly one kernel",
            ),
            (
                "<LinearKernelType/>",
                "<LinearKernelType odd=\"\"/>",
                "8: LinearKernelType: attribute odd is not supported",
            ),
            (&MACHINE[from..to], "", "7: SupportVectorMachineModel: VectorDictionary is missing"),
            (&format!("<VectorFields>{fields}</VectorFields>"), "", "9: VectorDictionary: VectorFields is missing"),
            (fields, "", "10: VectorFields: no field"),
            ("<FieldRef field=\"x\"/>", "<FieldRef field=\"c\"/>", "10: FieldRef: \"c\" is a category, not a number"),
            (
                "CategoricalPredictor name=\"c\"",
                "CategoricalPredictor name=\"x\"",
                "10: CategoricalPredictor: a number as category is not supported",
            ),
            (array, "", "11: VectorInstance: Array is missing"),
            (array, "<Array type=\"real\">1</Array>", "11: Array: 1 values, not 2"),
            (array, "<Array type=\"real\">1 z</Array>", "11: Array: a value is not a finite number"),
            ("id=\"w\"", "id=\"v\"", "12: VectorInstance: its id is taken"),
            ("<REAL-SparseArray n=\"2\">", "<REAL-SparseArray n=\"3\">", "13: REAL-SparseArray: n is not 2"),
            ("<Indices>1<", "<Indices>1 2<", "13: REAL-SparseArray: not as many Indices as REAL-Entries"),
            ("<Indices>1<", "<Indices>3<", "13: REAL-SparseArray: an index that the vector does not have"),
            ("<Indices>1<", "<Indices>0<", "13: REAL-SparseArray: an index that the vector does not have"),
            ("REAL-Entries>3<", "REAL-Entries>z<", "13: REAL-SparseArray: an entry is not a finite number"),
            (one, "", "7: SupportVectorMachineModel: SupportVectorMachine is missing"),
            (
                "<Coefficients><Coefficient value=\"1\"/><Coefficient value=\"-2\"/></Coefficients>",
                "",
                "16: SupportVectorMachine: Coefficients is missing",
            ),
            (
                "<SupportVectors><SupportVector vectorId=\"v\"/><SupportVector vectorId=\"w\"/></SupportVectors>",
                "",
                "16: SupportVectorMachine: SupportVectors is missing",
            ),
            ("vectorId=\"w\"", "vectorId=\"z\"", "17: SupportVector: vectorId is not in the VectorDictionary"),
            ("<Coefficient value=\"-2\"/>", "", "17: SupportVector: has no coefficient"),
            (
                "<Coefficient value=\"-2\"/>",
                "<Coefficient value=\"-2\"/><Coefficient/>",
                "18: Coefficients: not as many coefficients as vectors",
            ),
            (
                "alternateTargetCategory=\"no\"",
                "",
                "16: SupportVectorMachine: attribute alternateTargetCategory is missing",
            ),
            (
                "alternateTargetCategory=\"no\"",
                "alternateTargetCategory=\"nay\"",
                "16: SupportVectorMachine: alternateTargetCategory is a class that the target does not have",
            ),
            ("OneAgainstOne", "odd", "7: SupportVectorMachineModel: classificationMethod=\"odd\" is not supported"),
            (
                "functionName=\"classification\"",
                "functionName=\"odd\"",
                "7: SupportVectorMachineModel: functionName=\"odd\" is not supported",
            ),
            (
                "classificationMethod",
                "svmRepresentation=\"odd\" classificationMethod",
                "7: SupportVectorMachineModel: svmRepresentation=\"odd\" is not supported",
            ),
        ],
    );
    let regression = MACHINE.replace("functionName=\"classification\"", "functionName=\"regression\"");
    refuse_each(
        &regression,
        &[(one, &[one, one].concat(), "7: SupportVectorMachineModel: a regression of several machines")],
    );
    let coefficients =
        regression.replace("classificationMethod", "svmRepresentation=\"Coefficients\" classificationMethod");
    refuse_each(
        &coefficients,
        &[
            ("<Coefficient value=\"-2\"/>", "", "18: Coefficients: 1 coefficients of 2 fields"),
            (
                "<LinearKernelType/>",
                "<RadialBasisKernelType/>",
                "7: SupportVectorMachineModel: coefficients of a kernel that is not linear is not supported",
            ),
        ],
    );
    // Sparse vectors of few bytes would be many numbers.
    let many = format!("<VectorFields>{}</VectorFields>", "<FieldRef field=\"x\"/>".repeat(8192));
    let instances: String =
        (0..8193).map(|at| format!("<VectorInstance id=\"{at}\"><REAL-SparseArray/></VectorInstance>")).collect();
    let start = MACHINE.find("<VectorFields>").unwrap();
    let end = MACHINE.find("\n</VectorDictionary>").unwrap();
    let large = document(&[&MACHINE[1..start], &many, &instances, &MACHINE[end..]].concat());
    let refused = Model::load(Format::Pmml, large.as_bytes()).unwrap_err().to_string();
    assert_eq!(refused, "PMML model, line 10: VectorInstance: more than 67108864 numbers is not supported");
}
