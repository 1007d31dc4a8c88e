//! A synthetic book of workers' compensation with realistic defects: `insured.psv` and `class.psv`.
//!
//! Every insured is made from the seed and its own number alone, so the two files are written one after the other
//! without holding the book, and the same seed gives the same bytes. Nothing in it is a real policy, person or price.

use std::io::{self, Write};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

mod words;

use words::{CITIES, INDUSTRIES, Industry, NAMES, STATES, STREETS, State, TRADES, UNDERWRITERS};

/// Which book.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Book {
    /// How many insureds.
    pub insureds: u32,
    /// Seed.
    pub seed: u64,
}

const INSURED_HEADER: &str = "original_policy_term_number|term_effective_date|experience_mod_factor_initial|new_renew_flag|\
audit_method_code|underwriter|agency|insured_name|policy_address|policy_city_name|policy_state_code|policy_zip_code|\
available_history_1|available_history_2|available_history_3|non_zero_claim_count_1|non_zero_claim_count_2|\
non_zero_claim_count_3";
const CLASS_HEADER: &str =
    "original_policy_term_number|term_effective_date|state_code|class_code|payroll_amount_initial";

impl Book {
    /// Writes `insured.psv`.
    ///
    /// # Errors
    /// When `out` cannot be written.
    pub fn write_insureds(self, out: &mut (impl Write + ?Sized)) -> io::Result<()> {
        writeln!(out, "{INSURED_HEADER}")?;
        (0..self.insureds).try_for_each(|number| Insured::make(self.seed, number).write(out))
    }

    /// Writes `class.psv`.
    ///
    /// # Errors
    /// When `out` cannot be written.
    pub fn write_classes(self, out: &mut (impl Write + ?Sized)) -> io::Result<()> {
        writeln!(out, "{CLASS_HEADER}")?;
        (0..self.insureds).try_for_each(|number| Insured::make(self.seed, number).write_classes(out))
    }
}

/// One insured as its rows will say it, defects included.
#[derive(Debug)]
struct Insured {
    policy: String,
    date: String,
    experience_mod: String,
    flag: &'static str,
    audit: &'static str,
    underwriter: &'static str,
    agency: String,
    name: String,
    address: String,
    city: &'static str,
    state: &'static str,
    zip: String,
    available: [&'static str; 3],
    claims: [String; 3],
    extra_cell: bool,
    classes: Vec<Class>,
}

/// One row of payroll.
#[derive(Debug, Clone)]
struct Class {
    policy: String,
    date: String,
    state: &'static str,
    code: String,
    payroll: String,
}

impl Insured {
    fn make(seed: u64, number: u32) -> Self {
        let mut dice = Dice::new(seed, number);
        let state = dice.pick(&STATES);
        let industry = dice.pick(&INDUSTRIES);
        let policy = format!("WC-{:07}", 1_000_000 + number);
        let day = dice.rng.random_range(0..1_460);
        let date = dice.date(day);
        let history = dice.history(industry);
        let mut insured = Self {
            experience_mod: format!("{:.2}", (1.0 + 0.22 * dice.normal()).clamp(0.45, 2.4)),
            flag: if dice.chance(0.7) { "R" } else { "N" },
            audit: dice.pick(&["P", "P", "P", "M", "T", "I", "", "E", "W", "N"]),
            underwriter: dice.pick(&UNDERWRITERS),
            agency: format!("A{:04}", dice.rng.random_range(1..400)),
            name: dice.name(),
            address: format!("{} {}", dice.rng.random_range(1..9_900), dice.pick(&STREETS)),
            city: dice.pick(&CITIES),
            state: state.code,
            zip: dice.zip(&state),
            available: history.available,
            claims: history.claims,
            extra_cell: false,
            classes: Vec::new(),
            policy,
            date,
        };
        insured.classes = dice.classes(&insured, day, industry);
        insured.spoil(&mut dice);
        insured
    }

    /// Puts the defects in that such files have.
    fn spoil(&mut self, dice: &mut Dice) {
        match dice.rng.random_range(0..1_000) {
            0..3 => self.experience_mod.clear(),
            3 => self.date = "13/45/2020".to_owned(),
            4..7 => self.zip.truncate(4),
            7..11 => self.claims[0].clear(),
            11..13 => self.flag = "X",
            13 => self.experience_mod = "n/a".to_owned(),
            14 => self.extra_cell = true,
            15 => self.classes.clear(),
            16..18 => self.state = "ZZ",
            18..21 => self.audit = "Q",
            21 => self.policy.clear(),
            22 => self.available[1] = "?",
            _ => {}
        }
        let Some(class) = self.classes.first_mut() else { return };
        match dice.rng.random_range(0..1_000) {
            0..2 => class.payroll = "-".to_owned(),
            2..5 => class.code = class.code.trim_start_matches('0').chars().take(3).collect(),
            5 => class.payroll = format!("-{}", class.payroll),
            6 => class.policy.push('X'),
            7 => class.payroll.clear(),
            8..10 => {
                let again = class.clone();
                self.classes.push(again);
            }
            _ => {}
        }
    }

    fn write(&self, out: &mut (impl Write + ?Sized)) -> io::Result<()> {
        let cells: [&str; 18] = [
            &self.policy,
            &self.date,
            &self.experience_mod,
            self.flag,
            self.audit,
            self.underwriter,
            &self.agency,
            &self.name,
            &self.address,
            self.city,
            self.state,
            &self.zip,
            self.available[0],
            self.available[1],
            self.available[2],
            &self.claims[0],
            &self.claims[1],
            &self.claims[2],
        ];
        out.write_all(cells.join("|").as_bytes())?;
        out.write_all(if self.extra_cell { b"|\n" } else { b"\n" })
    }

    fn write_classes(&self, out: &mut (impl Write + ?Sized)) -> io::Result<()> {
        self.classes.iter().try_for_each(|class| {
            writeln!(out, "{}|{}|{}|{}|{}", class.policy, class.date, class.state, class.code, class.payroll)
        })
    }
}

/// Claim history as the row says it.
struct History {
    available: [&'static str; 3],
    claims: [String; 3],
}

/// Chance, for one insured.
struct Dice {
    rng: StdRng,
}

impl Dice {
    fn new(seed: u64, number: u32) -> Self {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        bytes[8..12].copy_from_slice(&number.to_le_bytes());
        Self { rng: StdRng::from_seed(bytes) }
    }

    fn pick<T: Copy>(&mut self, list: &[T]) -> T {
        list[self.rng.random_range(0..list.len())]
    }

    fn chance(&mut self, share: f64) -> bool {
        self.rng.random_bool(share)
    }

    /// Standard normal (Box and Muller 1958).
    fn normal(&mut self) -> f64 {
        let (u, v): (f64, f64) = (self.rng.random(), self.rng.random());
        (-2.0 * (1.0 - u).ln()).sqrt() * (std::f64::consts::TAU * v).cos()
    }

    /// A count with that mean (Knuth 1969), which is small here.
    fn count(&mut self, mean: f64) -> u32 {
        let (least, mut product, mut count) = ((-mean).exp(), self.rng.random::<f64>(), 0);
        while product > least && count < 50 {
            product *= self.rng.random::<f64>();
            count += 1;
        }
        count
    }

    /// A day of 2022 to 2025, in one of the spellings such files have.
    fn date(&mut self, day: i32) -> String {
        let date = jiff::civil::date(2022, 1, 1).saturating_add(jiff::Span::new().days(day));
        let (year, month, day) = (date.year(), date.month(), date.day());
        match self.rng.random_range(0..10) {
            0 => format!("{year}-{month:02}-{day:02}"),
            1 => format!("{month}/{day}/{:02}", year % 100),
            _ => format!("{month}/{day}/{year}"),
        }
    }

    fn history(&mut self, industry: Industry) -> History {
        let terms = self.rng.random_range(0..=3);
        let mut history = History { available: ["N"; 3], claims: Default::default() };
        for term in 0..terms {
            history.available[term] = "Y";
            history.claims[term] = self.count(industry.claims_mean).to_string();
        }
        history
    }

    fn name(&mut self) -> String {
        let (name, trade) = (self.pick(&NAMES), self.pick(&TRADES));
        match self.rng.random_range(0..12) {
            0 => format!("\"{name} | {trade}, Inc.\""),
            1 => format!("\"{name} \"\"Best\"\" {trade}\""),
            2 => format!(" {name} {trade} LLC "),
            3 => format!("{name} & Söhne {trade}"),
            _ => format!("{name} {trade}, Inc."),
        }
    }

    fn zip(&mut self, state: &State) -> String {
        // A few live near a border and write the neighbour's code.
        let first = if self.chance(0.005) { self.pick(&STATES).zip3 } else { state.zip3 };
        format!("{first:03}{:02}", self.rng.random_range(1..99))
    }

    fn classes(&mut self, insured: &Insured, day: i32, industry: Industry) -> Vec<Class> {
        let rows = 1 + self.count(1.9) as usize;
        let size = (11.4 + 1.2 * self.normal()).exp();
        let mut classes: Vec<Class> = Vec::with_capacity(rows);
        for row in 0..rows {
            let code = if row == 1 { "8810" } else { self.pick(industry.codes) };
            if classes.iter().any(|class| class.code == code) {
                continue;
            }
            let payroll = (size * (0.6 * self.normal()).exp() / (row + 1) as f64).max(1_000.0);
            let date = if self.chance(0.9) { insured.date.clone() } else { self.date(day) };
            let state = insured.state;
            classes.push(Class {
                policy: insured.policy.clone(),
                date,
                state,
                code: code.to_owned(),
                payroll: self.money(payroll),
            });
        }
        classes
    }

    fn money(&mut self, amount: f64) -> String {
        match self.rng.random_range(0..20) {
            0 => format!("{amount:.2}"),
            1 => {
                let thousands = amount as u64 / 1_000;
                format!("{thousands},{:03}", amount as u64 % 1_000)
            }
            _ => format!("{amount:.0}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(book: Book) -> (String, String) {
        let (mut insureds, mut classes) = (Vec::new(), Vec::new());
        book.write_insureds(&mut insureds).unwrap();
        book.write_classes(&mut classes).unwrap();
        (String::from_utf8(insureds).unwrap(), String::from_utf8(classes).unwrap())
    }

    #[test]
    fn the_same_seed_gives_the_same_book_and_another_seed_another() {
        let book = Book { insureds: 500, seed: 7 };
        let (insureds, classes) = files(book);
        assert_eq!(files(book), (insureds.clone(), classes.clone()));
        assert_eq!(insureds.lines().count(), 501);
        assert!(classes.lines().count() > 1_000);
        assert_ne!(files(Book { seed: 8, ..book }).0, insureds);
    }

    #[test]
    fn both_files_agree_on_the_insureds() {
        let (insureds, classes) = files(Book { insureds: 2_000, seed: 1 });
        let policies: std::collections::BTreeSet<&str> =
            insureds.lines().filter_map(|line| line.split('|').next()).collect();
        let orphans =
            classes.lines().skip(1).filter(|line| !policies.contains(line.split('|').next().unwrap())).count();
        assert!((1..100).contains(&orphans), "{orphans}");
    }
}
