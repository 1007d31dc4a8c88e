//! What is known of a column.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Alert, Count, Estimate, Frequent, Histogram, Percentile, ValueCount};

/// Everything that is known of one column. Parts that do not apply are absent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ColumnProfile {
    /// Name as in the header, trimmed; `column_7` for a column without a name.
    pub name: String,
    /// Place in the file, from 1.
    pub position: usize,
    /// The type that was chosen, and why.
    pub typing: Typing,
    /// Rows, nulls included.
    pub rows: u64,
    /// Values that stand for no value.
    pub nulls: Nulls,
    /// Distinct values, nulls apart.
    pub distinct: Count,
    /// Distinct values over values, nulls apart; 0 to 1.
    pub uniqueness: f64,
    /// Whether all values are the same.
    pub constant: bool,
    /// Whether the values come in an order (as numbers, days or texts, by the chosen type), nulls left out.
    pub sorted: Sortedness,
    /// Shannon's entropy of the values in bits; nulls apart.
    pub entropy: Estimate,
    /// Numbers; present when most values are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub numbers: Option<NumberStatistics>,
    /// Days and times; present when most values are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dates: Option<DateStatistics>,
    /// The values as texts.
    pub strings: StringStatistics,
    /// Most frequent values.
    pub frequent: Frequent,
    /// Rarest values with exact counts, rarest first, at most 10; empty when the column has many distinct values.
    pub rarest: Vec<ValueCount>,
    /// Likely personal data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub personal_data: Option<PersonalData>,
    /// What a reader should look at.
    pub alerts: Vec<Alert>,
}

/// The type of a column, from all its values.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Typing {
    /// The type that was chosen.
    pub logical: LogicalType,
    /// Values of that type over values, nulls apart; 0 to 1.
    pub share: f64,
    /// How many values read as each type; one value may count for several.
    pub votes: TypeVotes,
    /// Up to 5 values that are not of the chosen type, with how often each was seen at least.
    pub exceptions: Vec<ValueCount>,
    /// Why it is kept a code though its values are digits: `zero_padded`, `zip_code`, `vin`, `identifier`, ...
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code_reason: Option<String>,
    /// How numbers are written, when they are not plain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number_style: Option<NumberStyle>,
    /// Formats of dates and times found, most frequent first.
    pub temporal_formats: Vec<TemporalFormat>,
    /// Values whose day and month could be swapped, such as 03/04/2021.
    pub ambiguous_dates: u64,
    /// How true and false are written.
    pub boolean_spellings: Vec<BooleanSpelling>,
    /// Values of digits with leading zeros.
    pub zero_padded: u64,
}

/// The type of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogicalType {
    /// No value at all.
    Empty,
    /// Whole numbers.
    Integer,
    /// Numbers.
    Number,
    /// Days.
    Date,
    /// Days with a time.
    Datetime,
    /// Two spellings.
    Boolean,
    /// Digits or letters that name something: zip, class and policy numbers, VINs.
    Code,
    /// One of a few texts.
    Category,
    /// Any text.
    Text,
}

impl LogicalType {
    /// The word for it, as in the JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Date => "date",
            Self::Datetime => "datetime",
            Self::Boolean => "boolean",
            Self::Code => "code",
            Self::Category => "category",
            Self::Text => "text",
        }
    }
}

/// How many values read as each type.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TypeVotes {
    /// Whole numbers.
    pub integer: u64,
    /// Numbers with a fraction or an exponent; whole numbers are not counted again.
    pub decimal: u64,
    /// Days.
    pub date: u64,
    /// Days with a time.
    pub datetime: u64,
    /// Spellings of true and false.
    pub boolean: u64,
    /// None of these.
    pub string: u64,
}

/// How numbers are written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NumberStyle {
    /// What stands before the fraction.
    pub decimal: DecimalStyle,
    /// Values with a character between groups of digits.
    pub grouped: u64,
    /// Values with a currency sign or code, and the signs seen.
    pub currency: u64,
    /// Currency signs seen, such as `$`.
    pub currency_signs: Vec<String>,
    /// Values with a percent sign; their number is as written, not divided by 100.
    pub percent: u64,
    /// Values in parentheses, which are negative.
    pub parentheses: u64,
    /// Values such as `1,234` that are another number when the comma is a decimal comma.
    pub ambiguous_comma: u64,
}

/// The decimal character.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DecimalStyle {
    /// `1.5`
    Point,
    /// `1,5`
    Comma,
}

/// A format of dates or times, and how many values have it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TemporalFormat {
    /// As a Table Schema pattern, such as `%m/%d/%Y`; `default` for ISO 8601.
    pub format: String,
    /// Values.
    pub count: u64,
}

/// A way to write true or false.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BooleanSpelling {
    /// As written.
    pub text: String,
    /// What it means.
    pub value: bool,
    /// Values.
    pub count: u64,
}

/// Values that stand for no value, by kind.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Nulls {
    /// All but the hints.
    pub total: u64,
    /// Nothing between two delimiters.
    pub empty: u64,
    /// Only blanks.
    pub blank: u64,
    /// The row ended before this column (or null in Parquet).
    pub absent: u64,
    /// Spellings such as `NA`, `NULL`, `-`.
    pub spellings: Vec<NullSpelling>,
    /// Numbers such as 9999 that may stand for no value; not counted in `total`.
    pub sentinel_hints: Vec<NullSpelling>,
}

/// A spelling of no value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NullSpelling {
    /// As written.
    pub text: String,
    /// Values.
    pub count: u64,
}

/// Whether values come in an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Sortedness {
    /// Each at least the one before.
    Ascending,
    /// Each at most the one before.
    Descending,
    /// Fewer than two different values.
    Constant,
    /// None of these.
    Unsorted,
}

/// Statistics of the values that are numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NumberStatistics {
    /// Values that are numbers; infinities and NaN are not counted here.
    pub count: u64,
    /// The least.
    pub min: f64,
    /// The greatest.
    pub max: f64,
    /// `max - min`.
    pub range: f64,
    /// Their sum.
    pub sum: f64,
    /// Their mean.
    pub mean: f64,
    /// Sample standard deviation (n - 1); absent for fewer than two.
    pub standard_deviation: Option<f64>,
    /// Fisher's moment coefficient of skewness (population); absent when all are equal.
    pub skewness: Option<f64>,
    /// Excess kurtosis (population); absent when all are equal.
    pub kurtosis: Option<f64>,
    /// Values that are zero.
    pub zeros: u64,
    /// Values below zero.
    pub negatives: u64,
    /// Positive and negative infinities.
    pub infinities: u64,
    /// Percentiles 1, 5, 10, 25, 50, 75, 90, 95 and 99.
    pub percentiles: Vec<Percentile>,
    /// 75th less 25th percentile.
    pub interquartile_range: Estimate,
    /// Tukey's fences: 25th percentile less, 75th plus 1.5 interquartile ranges.
    pub fences: (f64, f64),
    /// Values outside the fences.
    pub outside_fences: Count,
    /// Median of the distances from the median.
    pub median_absolute_deviation: Estimate,
    /// Bins of equal width with sensible bounds.
    pub equal_width: Histogram,
    /// Bins with about equal counts.
    pub equal_count: Histogram,
    /// Most digits after the decimal character.
    pub decimals_max: u32,
}

/// Statistics of the values that are days or times.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DateStatistics {
    /// Values that are.
    pub count: u64,
    /// The earliest, ISO 8601.
    pub min: String,
    /// The latest.
    pub max: String,
    /// Values that look like a date and are none, such as 2021-02-30.
    pub invalid: u64,
    /// Values after the day of the run (`as_of`).
    pub future: u64,
    /// The day that `future` was judged by, ISO 8601.
    pub as_of: String,
    /// Unit of the histogram and of the gaps.
    pub unit: DateUnit,
    /// Values by `unit`.
    pub histogram: Histogram,
    /// Units between min and max without any value: how many, and the longest run of them.
    pub gaps: u64,
    /// First and last unit of the longest run without values, ISO 8601; absent without gaps.
    pub longest_gap: Option<(String, String)>,
}

/// A unit of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DateUnit {
    /// Days.
    Day,
    /// Months.
    Month,
    /// Years.
    Year,
}

/// Statistics of the values as texts, nulls apart.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StringStatistics {
    /// Fewest characters (Unicode scalar values).
    pub length_min: u64,
    /// Mean of characters.
    pub length_mean: f64,
    /// Most characters.
    pub length_max: u64,
    /// Values by length.
    pub lengths: Histogram,
    /// The least in byte order, cut at 200 characters; masked when personal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<String>,
    /// The greatest in byte order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<String>,
    /// Values that hold at least one character of a class.
    pub classes: CharacterClasses,
    /// Masks (`A` upper, `a` lower, `9` digit, others as they are) with counts, most frequent first, at most 20.
    pub masks: Vec<ValueCount>,
    /// Values with blanks before or after.
    pub padded: u64,
    /// Groups of values that differ in upper and lower case only, at least this many.
    pub case_variants: u64,
}

/// Values that hold at least one character of a class.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CharacterClasses {
    /// Digits 0 to 9.
    pub digits: u64,
    /// A to Z.
    pub upper: u64,
    /// a to z.
    pub lower: u64,
    /// Blanks inside.
    pub blanks: u64,
    /// Other printable ASCII.
    pub punctuation: u64,
    /// Anything beyond ASCII.
    pub non_ascii: u64,
    /// Control characters.
    pub control: u64,
}

/// Likely personal data in a column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PersonalData {
    /// What it likely is.
    pub kind: PersonalDataKind,
    /// Share of the values looked at that have its shape; 0 when only the name says so.
    pub share: f64,
    /// Why, in words.
    pub reason: String,
}

/// Kinds of personal data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PersonalDataKind {
    /// E-mail addresses.
    Email,
    /// Telephone numbers.
    Phone,
    /// US social security numbers in valid ranges.
    Ssn,
    /// Payment cards (Luhn).
    PaymentCard,
    /// Vehicle identification numbers (check digit).
    Vin,
    /// International bank account numbers (mod 97).
    Iban,
    /// Names of people, by column name and shape.
    PersonName,
    /// Postal addresses, by column name and shape.
    Address,
    /// Days of birth, by column name and type.
    BirthDate,
}
