//! The newcomer's command, on a small book.

use crate::program::{run, said};
use crate::results::{members, rows, summary};

#[test]
fn the_demo_scores_its_book_and_shows_what_came_out() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("demo");
    let (code, output, errors) =
        said(&run(["demo", "--insureds", "1500", "--seed", "5", "--dir", dir.to_str().unwrap()]));
    assert_eq!(code, 0, "{errors}");
    for part in [
        "1,500 insureds with their classes",
        "curl --request POST --url http://127.0.0.1:",
        "/solutions/batch/1/insureright/scoring -u demo:",
        "The answer is the batch key: ",
        "Demonstration models, trained on synthetic data: not for real decisions.",
        "rows read",
        "rejected",
        "Records in each bin",
        "loss_ratio_relativity_prediction",
        "exposure_shift_prediction",
        "premium_impact_prediction",
        "importance",
        "rows/s",
        "Where everything lies:",
    ] {
        assert!(output.contains(part), "{part:?} is missing in\n{output}");
    }
    let zip = std::fs::read(dir.join("results.zip")).unwrap();
    let members = members(&zip);
    let summary = summary(&members);
    let count = |name: &str| summary["records"][name].as_u64().unwrap();
    assert_eq!(count("read"), 1_500);
    assert_eq!(count("scored") + count("rejected"), 1_500);
    assert!((1_400..1_500).contains(&count("scored")), "the book has some defects, not many");
    assert_eq!(rows(&members["outputs.csv"]).len() as u64, count("scored"));
}

#[test]
fn a_demo_does_not_write_into_the_folder_of_another() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("data")).unwrap();
    let (code, _, errors) = said(&run(["demo", "--dir", folder.path().to_str().unwrap()]));
    assert_eq!(code, 64);
    assert!(errors.contains("already holds a demo; name a fresh folder"), "{errors}");
}
