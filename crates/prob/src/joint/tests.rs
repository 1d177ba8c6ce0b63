use super::*;
use crate::information::{entropy_nats, kl_nats};
use crate::sampling::AliasTable;
use crate::stream::Streams;
use proptest::prelude::*;

fn example() -> JointTable {
    let names: &[&str] = &["1", "2", "3"];
    let rows = [[0.32, 0.03, 0.01], [0.06, 0.24, 0.02], [0.02, 0.03, 0.27]];
    JointTable::from_rows(("x", names), ("y", names), &rows).unwrap()
}

fn close(a: f64, b: f64) {
    assert!((a - b).abs() < 1e-14, "{a} against {b}");
}

#[test]
fn marginals_and_conditionals_of_the_example_are_those_done_by_hand() {
    let table = example();
    for (p, expected) in table.marginal(&["y"]).unwrap().entries().iter().zip([0.4, 0.3, 0.3]) {
        close(*p, expected);
    }
    for (p, expected) in table.conditional(&[("x", "2")]).unwrap().entries().iter().zip([0.1875, 0.75, 0.0625]) {
        close(*p, expected);
    }
    let turned = table.marginal(&["y", "x"]).unwrap();
    close(turned.probability(&[("x", "1"), ("y", "2")]).unwrap(), 0.03);
    assert_eq!(turned.entries()[1], 0.06);
    close(table.expectation("y").unwrap(), 1.9);
    close(table.probability(&[]).unwrap(), 1.0);
}

#[test]
fn mutual_information_is_the_entropies_that_overlap() {
    let table = example();
    let h = |axes: &[&str]| entropy_nats(table.marginal(axes).unwrap().entries()).unwrap();
    let information = table.mutual_information_nats("x", "y").unwrap();
    close(information, h(&["x"]) + h(&["y"]) - h(&["x", "y"]));
    close(information, table.mutual_information_nats("y", "x").unwrap());
    close(information, table.mutual_information_bits("x", "y").unwrap() * std::f64::consts::LN_2);
}

/// Two fair bits and their exclusive or: any two are independent, but the third follows from them.
#[test]
fn three_axes_can_be_independent_in_pairs_but_not_together() {
    let bit = vec!["0", "1"];
    let entries = (0..8).map(|i: u32| if i.count_ones().is_multiple_of(2) { 0.25 } else { 0.0 }).collect();
    let table = JointTable::new([("a", bit.clone()), ("b", bit.clone()), ("c", bit)], entries).unwrap();
    assert!(table.is_independent("a", "b", 0.0).unwrap() && table.is_independent("b", "c", 0.0).unwrap());
    let given = table.conditional(&[("c", "1")]).unwrap();
    assert!(!given.is_independent("a", "b", 0.2).unwrap());
    close(given.mutual_information_bits("a", "b").unwrap(), 1.0);
    assert_eq!(table.conditional_probability(&[("c", "1")], &[("a", "1"), ("b", "1")]), Ok(0.0));
    assert_eq!(table.conditional_probability(&[("a", "0")], &[("a", "1")]), Ok(0.0));
    assert_eq!(table.probability(&[("a", "0"), ("a", "1")]), Ok(0.0));
}

/// scipy.stats.chi2_contingency([[10, 20, 30], [6, 9, 17]], correction=False).
#[test]
fn the_chi_square_test_gives_the_reference_value() {
    let test = chi_square_test(&[[10, 20, 30], [6, 9, 17]]).unwrap();
    assert!((test.statistic - 0.271_574_651_504_035).abs() < 1e-14, "{test:?}");
    assert!((test.p_value - 0.873_028_283_380_073).abs() < 1e-14 && test.degrees_of_freedom == 2);
    // With two degrees of freedom the p-value is exp(-statistic / 2).
    close(test.p_value, (-test.statistic / 2.0).exp());
}

#[test]
fn draws_of_the_example_are_found_to_depend_and_draws_of_its_marginals_are_not() {
    let count = |entries: &[f64], name: &str| {
        let (table, mut rng) = (AliasTable::new(entries).unwrap(), Streams::new(1).rng(name, 0));
        let mut counts = [[0u64; 3]; 3];
        for _ in 0..1000 {
            let i = table.sample_index(&mut rng);
            counts[i / 3][i % 3] += 1;
        }
        chi_square_test(&counts).unwrap()
    };
    assert!(count(example().entries(), "dependent").p_value < 1e-100);
    let [x, y, _] = example().two("x", "y").unwrap();
    let product: Vec<f64> = x.iter().flat_map(|a| y.iter().map(move |b| a * b)).collect();
    assert!(count(&product, "independent").p_value > 0.001);
}

#[test]
fn tables_that_are_none_are_refused() {
    let of = |rows: &[Vec<f64>]| JointTable::from_rows(("x", &["a", "b"]), ("y", &["c", "d"]), rows).unwrap_err();
    assert_eq!(of(&[vec![0.5, 0.5], vec![0.0]]), JointError::Ragged { row: 1, expected: 2, got: 1 });
    assert_eq!(of(&[vec![0.5, 0.5]]), JointError::Entries { expected: 4, got: 2 });
    assert_eq!(of(&[vec![0.5, 0.6], vec![-0.1, 0.0]]), JointError::Entry { index: 2, value: -0.1 });
    assert_eq!(of(&[vec![0.5, 0.25], vec![0.0, 0.0]]), JointError::Sum { sum: 0.75 });
    assert!(matches!(of(&[vec![f64::NAN, 0.25], vec![0.0, 0.0]]), JointError::Entry { index: 0, .. }));
    let twice = |name: &str| Err(JointError::Duplicate { name: name.into() });
    assert_eq!(JointTable::from_rows(("x", &["a"]), ("x", &["b"]), &[[1.0]]), twice("x"));
    assert_eq!(JointTable::from_rows(("x", &["a", "a"]), ("y", &["b"]), &[[0.5], [0.5]]), twice("a"));
    assert_eq!(JointTable::new::<&str, &str>([], vec![]), Err(JointError::Empty));
    assert_eq!(JointTable::new([("x", Vec::<&str>::new())], vec![]), Err(JointError::Empty));
}

#[test]
fn questions_without_an_answer_are_refused() {
    let table = example();
    assert!(matches!(table.marginal(&["z"]), Err(JointError::UnknownAxis { .. })));
    assert!(matches!(table.marginal(&["x", "x"]), Err(JointError::Duplicate { .. })));
    assert!(matches!(table.probability(&[("x", "4")]), Err(JointError::UnknownOutcome { .. })));
    assert_eq!(table.conditional(&[("x", "1"), ("y", "1")]), Err(JointError::Empty));
    let certain = JointTable::from_rows(("x", &["a", "b"]), ("y", &["c"]), &[[1.0], [0.0]]).unwrap();
    assert_eq!(certain.conditional(&[("x", "b")]), Err(JointError::ImpossibleCondition));
    assert!(matches!(certain.expectation("x"), Err(JointError::NotANumber { .. })));
    let counts: [[u64; 2]; 2] = [[1, 0], [2, 0]];
    assert_eq!(chi_square_test(&counts), Err(JointError::TooFewCounts { rows: 2, columns: 1 }));
    assert!(chi_square_test::<[u64; 1]>(&[]).is_err());
}

proptest! {
    #[test]
    fn mutual_information_is_the_kl_from_the_product_of_the_marginals(w in prop::collection::vec(0.0f64..1.0, 12)) {
        let sum: f64 = w.iter().sum();
        prop_assume!(sum > 1e-3);
        let names = ["a", "b", "c", "d"];
        let axes = [("x", names[..3].to_vec()), ("y", names.to_vec())];
        let table = JointTable::new(axes, w.iter().map(|x| x / sum).collect()).unwrap();
        let [x, y, both] = table.two("x", "y").unwrap();
        let product: Vec<f64> = x.iter().flat_map(|a| y.iter().map(move |b| a * b)).collect();
        let information = table.mutual_information_nats("x", "y").unwrap();
        prop_assert!((information - kl_nats(&both, &product).unwrap()).abs() < 1e-13);
        prop_assert_eq!(&both, table.entries());
        let turned = table.marginal(&["y", "x"]).unwrap();
        prop_assert!((0..12).all(|i| turned.entries()[i % 4 * 3 + i / 4] == both[i]));
        // Bayes' rule, and the law of total probability.
        for a in &names[..3] {
            let total: f64 = names
                .iter()
                .map(|b| {
                    table.conditional_probability(&[("x", a)], &[("y", b)]).unwrap_or(0.0)
                        * table.probability(&[("y", b)]).unwrap()
                })
                .sum();
            prop_assert!((total - table.probability(&[("x", a)]).unwrap()).abs() < 1e-14);
        }
    }
}
