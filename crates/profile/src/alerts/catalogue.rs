//! The catalogue of alerts: the one place where codes, severities and rules stand.

use crate::document::Severity;

/// What an alert is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// One column.
    Column,
    /// One relation.
    Relation,
    /// Two relations that share a key; stands with the upload.
    Link,
    /// The upload as a whole.
    Upload,
}

/// What is known of an alert beforehand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// The stable code, as it stands in the JSON.
    pub code: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// What it is about.
    pub scope: Scope,
    /// When it is raised, one sentence or two.
    pub rule: &'static str,
}

macro_rules! catalogue {
    ($($variant:ident $code:literal $severity:ident $scope:ident $rule:literal)*) => {
        /// The alerts there are, in the order they are shown within a severity.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $(#[doc = $rule] $variant,)*
        }

        /// Every alert, in the order of [`Code`].
        pub const CATALOGUE: &[(Code, Entry)] = &[
            $((Code::$variant, Entry {
                code: $code,
                severity: Severity::$severity,
                scope: Scope::$scope,
                rule: $rule,
            }),)*
        ];

        impl Code {
            /// What is known of it beforehand.
            pub const fn entry(self) -> Entry {
                CATALOGUE[self as usize].1
            }
        }
    };
}

catalogue! {
    ContradictoryDateOrders "contradictory_date_orders" Error Column
        "Some dates are valid with the month first only and others with the day first only, so that one order is \
         wrong for part of them."
    InvalidDates "invalid_dates" Warning Column
        "At least one value has the form of a date and is none, such as 2021-02-30."
    MixedNumberStyles "mixed_number_styles" Warning Column
        "Some numbers certainly have a decimal comma and others a decimal point."
    MixedCurrencies "mixed_currencies" Warning Column
        "Numbers carry more than one currency sign or code."
    Infinite "infinite" Warning Column
        "At least one value is an infinity; it is in no statistic."
    AllNull "all_null" Warning Column
        "The column has rows and no value."
    MostlyNull "mostly_null" Warning Column
        "More than half of the rows have no value, but not all."
    Constant "constant" Warning Column
        "All values are the same (of at least two)."
    MixedTypes "mixed_types" Warning Column
        "Some values, at most 5 %, do not fit the chosen type; or the column is text although more than 5 % of its \
         values are numbers or dates."
    AmbiguousDates "ambiguous_dates" Warning Column
        "Day and month of some dates could be swapped, and no value of the column says which comes first; the \
         month is taken to."
    AmbiguousNumbers "ambiguous_numbers" Warning Column
        "Some numbers such as 1,234 are another number when the comma is a decimal comma, and no value of the \
         column says what it is; it is taken to group digits."
    MixedDateFormats "mixed_date_formats" Warning Column
        "Dates or times are written in more than one format."
    FutureDates "future_dates" Warning Column
        "At least one date lies after the day of the run (`as_of`)."
    SentinelValues "sentinel_values" Warning Column
        "A number such as 9999 or -1 may stand for no value: it lies outside of Tukey's fences or is the only \
         negative number, or it is all nines in a column of codes."
    ControlCharacters "control_characters" Warning Column
        "At least one value holds a control character, such as a line break or a tab."
    LeadingTrailingBlanks "leading_trailing_blanks" Warning Column
        "At least one value has blanks before or after; types are judged without them, distinct values with them."
    CaseVariants "case_variants" Warning Column
        "Some values differ in upper and lower case only (not looked for in numbers and dates)."
    TruncatedLengths "truncated_lengths" Warning Column
        "The greatest length is 20 characters or more and at least 1 % of the values (and at least 10) have \
         exactly that length, while lengths differ otherwise: values may have been cut."
    PersonalDataFound "personal_data" Warning Column
        "The column likely holds personal data, by its name or by what its values look like."
    DateOrderInferred "date_order_inferred" Info Column
        "Day and month of some dates could be swapped; other values of the column say which comes first."
    DecimalComma "decimal_comma" Info Column
        "Numbers are written with a decimal comma."
    NumberSigns "number_signs" Info Column
        "Numbers carry currency signs, percent signs, parentheses for negatives or characters between groups of \
         digits."
    ZeroPadded "zero_padded" Info Column
        "At least one value is digits with leading zeros; they are lost when it is read as a number."
    LongDigits "long_digits" Info Column
        "Values have 16 digits or more; they are not exact as 64-bit floats."
    NullSpellings "null_spellings" Info Column
        "At least one value is a spelling of no value, such as NA, and counts as null."
    SomeNulls "nulls" Info Column
        "More than 5 % and at most half of the rows have no value."
    NearlyConstant "nearly_constant" Info Column
        "One value makes up at least 99 % of the values, but not all."
    Imbalance "imbalance" Info Column
        "The values of a category or boolean are unevenly spread: their entropy is less than half of the greatest \
         possible, and no value makes up 99 %."
    HighCardinality "high_cardinality" Info Column
        "A text repeats its values, more than twice each on average, but has more than 1,000 distinct ones: too \
         many for a category."
    Unique "unique" Info Column
        "No value occurs twice (at least 2 values); when values are not all counted: none was seen twice, and the \
         estimate of distinct values is within two standard errors of the values."
    Skewed "skewed" Info Column
        "The absolute skewness of the numbers is greater than 20."
    Outliers "outliers" Info Column
        "More than 1 % of the numbers lie outside of Tukey's fences."
    Zeros "zeros" Info Column
        "More than 10 % of the numbers are zero (not looked at in booleans and codes)."
    Uniform "uniform" Info Column
        "At least 1,000 numbers are evenly spread: the chi-squared statistic of the equal-width histogram without \
         its first and last bin is at most 1.5 times its degrees of freedom (at least 10)."
    DateGaps "date_gaps" Info Column
        "Days, months or years between the first and the last have no value: a run of at least 3, at most half of \
         the whole span."
    NonAscii "non_ascii" Info Column
        "At least one value holds a character beyond ASCII."
    RaggedRows "ragged_rows" Error Relation
        "At least one row has fewer or more values than the header."
    UndecodableRows "undecodable_rows" Error Relation
        "At least one row holds bytes that are no text in the encoding of the file."
    NoRows "no_rows" Warning Relation
        "The file has a header and no row."
    DuplicateRows "duplicate_rows" Warning Relation
        "At least one row is the same as another one."
    EmptyColumns "empty_columns" Warning Relation
        "At least one column has no value at all."
    NoCandidateKey "no_candidate_key" Info Relation
        "No column and none of the pairs and triples tried names a row (of at least 2 rows)."
    HighCorrelation "high_correlation" Info Relation
        "At least two numeric columns have an absolute correlation of 0.9 or more."
    Windows1252 "windows_1252" Info Relation
        "The file is no UTF-8 and is read as Windows-1252."
    Utf16 "utf_16" Info Relation
        "The file is UTF-16."
    Orphans "orphans" Warning Link
        "Rows refer to a parent that is not there."
    ParentNotUnique "parent_not_unique" Warning Link
        "The columns shared with a child do not name one row of the parent."
    ChildlessParents "childless_parents" Info Link
        "Rows of the parent have no row in the child."
    NothingProfiled "nothing_profiled" Error Upload
        "The upload holds no file that can be profiled."
    Degraded "degraded" Info Upload
        "Something was computed less exactly than usual; `degraded` says what and why."
    UnlinkedRelations "unlinked_relations" Info Upload
        "A relation of several shares no key with any other."
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_stand_in_their_place() {
        for (place, (code, entry)) in CATALOGUE.iter().enumerate() {
            assert_eq!(*code as usize, place);
            assert_eq!(code.entry(), *entry);
            assert!(entry.rule.ends_with('.'), "{}", entry.code);
            assert_eq!(CATALOGUE.iter().filter(|(_, other)| other.code == entry.code).count(), 1, "{}", entry.code);
        }
    }
}
