//! The words a book is made of. Names of people, firms and places are made up.

/// A state and the first three digits of one of its ZIP code areas.
#[derive(Debug, Clone, Copy)]
pub struct State {
    pub code: &'static str,
    pub zip3: u16,
}

/// What an insured does: its class codes and how often it has claims in a term.
#[derive(Debug, Clone, Copy)]
pub struct Industry {
    pub codes: &'static [&'static str],
    pub claims_mean: f64,
}

pub const STATES: [State; 20] = [
    State { code: "CA", zip3: 921 },
    State { code: "TX", zip3: 770 },
    State { code: "FL", zip3: 331 },
    State { code: "NY", zip3: 112 },
    State { code: "PA", zip3: 171 },
    State { code: "IL", zip3: 606 },
    State { code: "OH", zip3: 441 },
    State { code: "GA", zip3: 303 },
    State { code: "NC", zip3: 276 },
    State { code: "MI", zip3: 482 },
    State { code: "NJ", zip3: 71 },
    State { code: "VA", zip3: 232 },
    State { code: "WA", zip3: 981 },
    State { code: "AZ", zip3: 850 },
    State { code: "MA", zip3: 21 },
    State { code: "TN", zip3: 372 },
    State { code: "IN", zip3: 462 },
    State { code: "MO", zip3: 631 },
    State { code: "CO", zip3: 803 },
    State { code: "CT", zip3: 61 },
];

pub const INDUSTRIES: [Industry; 10] = [
    Industry { codes: &["0005", "0016", "0034", "0042", "0106"], claims_mean: 0.6 },
    Industry { codes: &["1005", "1624", "1320"], claims_mean: 0.9 },
    Industry { codes: &["2003", "2501", "2802", "2883"], claims_mean: 0.5 },
    Industry { codes: &["3110", "3400", "3632", "3179"], claims_mean: 0.5 },
    Industry { codes: &["4000", "4279", "4771", "4828"], claims_mean: 0.4 },
    Industry { codes: &["5022", "5183", "5190", "5403", "5551", "5645"], claims_mean: 1.1 },
    Industry { codes: &["6217", "6229", "6319"], claims_mean: 1.0 },
    Industry { codes: &["7219", "7228", "7380", "7600"], claims_mean: 0.9 },
    Industry { codes: &["8017", "8044", "8742", "8832", "8868"], claims_mean: 0.25 },
    Industry { codes: &["9014", "9052", "9079", "9102"], claims_mean: 0.35 },
];

pub const NAMES: [&str; 12] = [
    "Alder",
    "Birch Hill",
    "Cedar",
    "Drumlin",
    "Eastfield",
    "Fennimore",
    "Granite",
    "Hollow Creek",
    "Ironwood",
    "Juniper",
    "Kestrel",
    "Larkspur",
];
pub const TRADES: [&str; 10] = [
    "Roofing",
    "Plumbing",
    "Bakery",
    "Trucking",
    "Framing",
    "Machine Works",
    "Farms",
    "Books",
    "Landscaping",
    "Dental",
];
pub const STREETS: [&str; 6] = ["Main St", "Oak Ave", "2nd St", "Mill Rd, Unit 4", "Harbor Blvd", "County Road 9"];
pub const CITIES: [&str; 8] =
    ["Northvale", "Rivermouth", "Sandy Fork", "Elmstead", "Granby Falls", "Westlock", "Marlow", "Tolland Green"];
pub const UNDERWRITERS: [&str; 6] = ["Test Person", "A. Example", "B. Sample", "C. Specimen", "D. Model", ""];
