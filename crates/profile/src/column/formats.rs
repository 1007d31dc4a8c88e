//! The forms of dates and times that are recognised, and their Table Schema patterns.

/// Order and marks of the parts of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub(crate) enum DayForm {
    /// `2021-03-04`
    Iso,
    /// `2021/03/04`
    YearFirstSlash,
    /// `2021.03.04`
    YearFirstDot,
    /// `20210304`, a hint only.
    Compact,
    /// `3/4/2021`, month or day first.
    Slash,
    /// `3/4/21`
    SlashShort,
    /// `3-4-2021`
    Dash,
    /// `3-4-21`
    DashShort,
    /// `4.3.2021`, day first.
    Dot,
    /// `4.3.21`
    DotShort,
    /// `4-Mar-2021`
    DashName,
    /// `4-Mar-21`
    DashNameShort,
    /// `4 Mar 2021`
    BlankName,
    /// `4 March 2021`
    BlankLongName,
    /// `Mar 4, 2021`
    NameFirst,
    /// `March 4, 2021`
    LongNameFirst,
}

/// The clock after a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub(crate) enum ClockForm {
    /// No time.
    None,
    /// `15:30`
    Minutes,
    /// `15:30:00`
    Seconds,
    /// `15:30:00.5`
    Fraction,
    /// `3:30 PM`
    HalfMinutes,
    /// `3:30:00 PM`
    HalfSeconds,
}

/// A form of dates or times: the key they are counted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct TemporalForm {
    /// The day.
    pub(crate) day: DayForm,
    /// The time of the day.
    pub(crate) clock: ClockForm,
    /// `T` between day and time instead of a blank.
    pub(crate) marked: bool,
    /// `Z` or an offset at the end.
    pub(crate) zoned: bool,
}

/// Which of day and month comes first where both could.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DayOrder {
    /// 03/04/2021 is in March.
    MonthFirst,
    /// 03/04/2021 is in April.
    DayFirst,
}

impl TemporalForm {
    /// A day without a time.
    pub(crate) const fn day(day: DayForm) -> Self {
        Self { day, clock: ClockForm::None, marked: false, zoned: false }
    }

    /// Whether month and day come in an order that the text does not tell.
    pub(crate) fn is_ordered_by_country(self) -> bool {
        matches!(self.day, DayForm::Slash | DayForm::SlashShort | DayForm::Dash | DayForm::DashShort)
    }

    /// The Table Schema pattern, `default` for ISO 8601.
    pub(crate) fn pattern(self, order: DayOrder) -> String {
        let iso = self.day == DayForm::Iso && (self.clock == ClockForm::None || self.marked && self.has_seconds());
        if iso {
            return "default".to_owned();
        }
        let clock = match self.clock {
            ClockForm::None => "",
            ClockForm::Minutes => "%H:%M",
            ClockForm::Seconds => "%H:%M:%S",
            ClockForm::Fraction => "%H:%M:%S.%f",
            ClockForm::HalfMinutes => "%I:%M %p",
            ClockForm::HalfSeconds => "%I:%M:%S %p",
        };
        let mark = match (self.clock, self.marked) {
            (ClockForm::None, _) => "",
            (_, true) => "T",
            (_, false) => " ",
        };
        format!("{}{mark}{clock}{}", self.day_pattern(order), if self.zoned { "%z" } else { "" })
    }

    fn has_seconds(self) -> bool {
        matches!(self.clock, ClockForm::Seconds | ClockForm::Fraction)
    }

    fn day_pattern(self, order: DayOrder) -> &'static str {
        use DayOrder::{DayFirst, MonthFirst};
        match (self.day, order) {
            (DayForm::Iso, _) => "%Y-%m-%d",
            (DayForm::YearFirstSlash, _) => "%Y/%m/%d",
            (DayForm::YearFirstDot, _) => "%Y.%m.%d",
            (DayForm::Compact, _) => "%Y%m%d",
            (DayForm::Slash, MonthFirst) => "%m/%d/%Y",
            (DayForm::Slash, DayFirst) => "%d/%m/%Y",
            (DayForm::SlashShort, MonthFirst) => "%m/%d/%y",
            (DayForm::SlashShort, DayFirst) => "%d/%m/%y",
            (DayForm::Dash, MonthFirst) => "%m-%d-%Y",
            (DayForm::Dash, DayFirst) => "%d-%m-%Y",
            (DayForm::DashShort, MonthFirst) => "%m-%d-%y",
            (DayForm::DashShort, DayFirst) => "%d-%m-%y",
            (DayForm::Dot, _) => "%d.%m.%Y",
            (DayForm::DotShort, _) => "%d.%m.%y",
            (DayForm::DashName, _) => "%d-%b-%Y",
            (DayForm::DashNameShort, _) => "%d-%b-%y",
            (DayForm::BlankName, _) => "%d %b %Y",
            (DayForm::BlankLongName, _) => "%d %B %Y",
            (DayForm::NameFirst, _) => "%b %d, %Y",
            (DayForm::LongNameFirst, _) => "%B %d, %Y",
        }
    }
}
