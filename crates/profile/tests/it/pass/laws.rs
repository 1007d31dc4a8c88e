//! What holds for any file.

use super::{Files, json, run};
use proptest::prelude::*;
use sha2::{Digest, Sha256};

fn cell() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => "[0-9]{1,4}",
        2 => "[0-9]{1,3}\\.[0-9]{1,2}",
        2 => prop::sample::select(vec!["", "NA", "x", "Y", "N", " ", "2021-03-04", "03/04/2021", "é€", "1e308"])
            .prop_map(str::to_owned),
        1 => "\"[a-z,\n]{0,12}\"",
    ]
}

fn rows(cells: &[Vec<String>]) -> String {
    cells.iter().map(|row| row.join(",") + "\n").collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn promise_4_threads_change_no_byte(
        block in prop::collection::vec(prop::collection::vec(cell(), 1..6), 1..40),
        times in 1_usize..4_000,
        other in prop::collection::vec(prop::collection::vec(cell(), 3), 0..40),
    ) {
        let first = "id,b,c,d\n".to_owned() + &rows(&block).repeat(times);
        let second = "ID,e,f\n".to_owned() + &rows(&other);
        let files = Files::new(&[("first.csv", first.as_bytes()), ("second.csv", second.as_bytes())]);
        let made: Vec<String> =
            (1..=4).map(|count| json(&run(&files.open("").unwrap(), count).unwrap().1.profile)).collect();
        for other in &made[1..] {
            prop_assert_eq!(other, &made[0]);
        }
    }
}

#[test]
fn the_digest_is_that_of_the_json_without_digest_and_timings() {
    let files = Files::new(&[("a.csv", b"x,y\n1,2\n3,4\n1,\n")]);
    let (_, outcome) = run(&files.open("a.csv").unwrap(), 1).unwrap();
    let mut value = serde_json::to_value(&outcome.profile).unwrap();
    let fields = value.as_object_mut().unwrap();
    let told = fields.shift_remove("digest").unwrap();
    assert!(fields.shift_remove("timings").is_some());
    let digest = Sha256::digest(serde_json::to_string(&value).unwrap());
    assert_eq!(told, bordereau_base::digest::hex(&digest));
}

#[test]
fn an_entry_is_profiled_the_same_whatever_it_comes_in() {
    let text: String = (0..30_000).map(|n| format!("{n},{},{}\n", n % 91, n * 7)).collect();
    let text = format!("id,group,times\n{text}");
    let alone = Files::new(&[("a.csv", text.as_bytes())]);
    let zipped = Files::zip(&[("a.csv", text.as_bytes())]);
    let inputs = [alone.open("a.csv"), alone.open(""), zipped.open("book.zip")];
    let relations: Vec<_> =
        inputs.map(|input| run(&input.unwrap(), 2).unwrap().1.profile.relations).into_iter().collect();
    assert_eq!(relations[0], relations[1]);
    assert_eq!(relations[0], relations[2]);
}
