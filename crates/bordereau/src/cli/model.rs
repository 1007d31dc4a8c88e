//! Arguments of `model`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// Commands about model files.
#[derive(Debug, Subcommand)]
pub enum Model {
    /// What a model file is: format, form, inputs with their categories, link, size, and what of it is not explained.
    #[command(after_help = "\
Examples:
  bordereau model inspect claims.ubj
  bordereau model inspect --json frequency.pmml

Exit codes:
  0   the file is read
  2   it is not: it breaks its format, or needs what is not supported; the sentence names line and element
  64  the command line cannot be understood, or there is no such file")]
    Inspect(ModelInspect),
    /// Score rows and compare with what the model gave where it was made, row by row.
    #[command(after_help = "\
Columns of INPUT are found by the names of the model's inputs, then by the same letters in any case. One that is not \
there counts as missing in every row; what is no number counts as missing; both are told.

Columns of EXPECTED, row by row as INPUT: `prediction` (after the link) and `raw` (before), of several outputs \
`prediction_0`, `prediction_1`, ... or the names of the classes, `raw_0`, ...; or else as many columns as the model has \
outputs, whatever their names, which are predictions. --column names them otherwise.

CONTRIBUTIONS has a column for each input and one for the base (`__bias__`), of several outputs `INPUT@0`, `INPUT@1`, ...

Examples:
  bordereau model check claims.ubj --input rows.csv --expected python.csv
  bordereau model check glm.pmml --input rows.csv --expected r.csv --column fitted --tolerance 1e-9

Exit codes:
  0   the same within the tolerance, in every row
  1   different
  2   a file is not read
  64  the command line cannot be understood, or columns or rows do not go together")]
    Check(ModelCheck),
    /// Why a model scores a row as it does: each input's contribution, their sum, the link, the prediction.
    #[command(after_help = "\
Examples:
  bordereau model explain claims.ubj --row rows.csv        the first row
  bordereau model explain claims.ubj --row rows.csv:17     the row that is line 17 in a text editor (the header is 1)
  bordereau model explain claims.ubj --row '{\"age\": 41, \"make\": \"BMW\"}'
  bordereau model explain claims.ubj --row rows.csv:17 --background sample.csv

Exit codes:
  0   the row is scored
  2   a file is not read
  64  the command line cannot be understood, or there is no such row")]
    Explain(ModelExplain),
}

/// Arguments of `model inspect`.
#[derive(Debug, Args)]
pub struct ModelInspect {
    /// The model file, of any format that is read; known by its content.
    #[arg(value_name = "MODEL")]
    pub model: PathBuf,
    /// Print it as JSON instead of tables.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `model check`.
#[derive(Debug, Args)]
pub struct ModelCheck {
    /// The model file.
    #[arg(value_name = "MODEL")]
    pub model: PathBuf,
    /// The rows to score: a delimited file with a header; an empty cell is missing.
    #[arg(long, value_name = "INPUT")]
    pub input: PathBuf,
    /// What the model gave for them: as many rows in the same order.
    #[arg(long, value_name = "EXPECTED")]
    pub expected: PathBuf,
    /// The column of EXPECTED that holds the predictions; once for each output.
    #[arg(long = "column", value_name = "NAME")]
    pub columns: Vec<String>,
    /// What the contributions of the inputs were.
    #[arg(long, value_name = "CONTRIBUTIONS")]
    pub contributions: Option<PathBuf>,
    /// Rows that the contributions are against (interventional): a delimited file with a column for each input.
    #[arg(long, value_name = "ROWS", requires = "contributions")]
    pub background: Option<PathBuf>,
    /// Differences up to this are none: relative to the expected prediction, and for raw scores and contributions to
    /// the expected value or 1, whichever is larger. 0 wants the same number.
    #[arg(long, value_name = "T", default_value_t = 1e-6, value_parser = tolerance)]
    pub tolerance: f64,
    /// How many of the worst rows are listed.
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub worst: usize,
    /// Print the comparison as JSON instead of tables.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `model explain`.
#[derive(Debug, Args)]
pub struct ModelExplain {
    /// The model file.
    #[arg(value_name = "MODEL")]
    pub model: PathBuf,
    /// A row: FILE, FILE:N (the row's number in the file; the header is 1), or a JSON object of values by input.
    #[arg(long, value_name = "ROW")]
    pub row: String,
    /// Explain against these rows (interventional): a delimited file with a column for each input.
    #[arg(long, value_name = "ROWS")]
    pub background: Option<PathBuf>,
    /// How many inputs are listed; the others are added up.
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub top: usize,
    /// Print it as JSON, with all inputs.
    #[arg(long)]
    pub json: bool,
}

fn tolerance(text: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().ok().filter(|number| *number >= 0.0 && number.is_finite());
    number.ok_or_else(|| "must be a number from 0".to_owned())
}
