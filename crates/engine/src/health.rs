//! What goes wrong in a run, in words: rules over its figures.
//!
//! A rule names figures that any system may record; where a system does not, the rule is silent. It looks at a window of
//! reports or of measurements on held-out data, never at one value, and has two limits for each figure: an episode begins
//! where all figures have reached theirs, and ends where one is back beyond another, wider one. It is told once.
//!
//! The state depends on the events of the run alone, so that a run that goes on is judged as an unbroken one.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

use crate::events::Event;

/// What can go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The discriminator is right and sure of nearly all real and nearly all generated items.
    DiscriminatorDominates,
    /// The generator's gradient is next to nothing.
    VanishingGeneratorGradient,
    /// The generator makes much less than there is in the data.
    ModeCollapse,
    /// The latents say nothing of the items.
    PosteriorCollapse,
    /// The discriminator is sure that generated items are real, then that they are not, and so on.
    Oscillation,
}

impl Kind {
    /// All of them.
    pub const ALL: [Kind; 5] = [
        Kind::DiscriminatorDominates,
        Kind::VanishingGeneratorGradient,
        Kind::ModeCollapse,
        Kind::PosteriorCollapse,
        Kind::Oscillation,
    ];

    /// The words for it.
    pub fn words(self) -> &'static str {
        match self {
            Kind::DiscriminatorDominates => "discriminator dominates",
            Kind::VanishingGeneratorGradient => "vanishing generator gradient",
            Kind::ModeCollapse => "mode collapse",
            Kind::PosteriorCollapse => "posterior collapse",
            Kind::Oscillation => "oscillation",
        }
    }

    /// What to try.
    pub fn advice(self) -> &'static str {
        match self {
            Kind::DiscriminatorDominates => {
                "a lower learning rate of the discriminator, a smaller discriminator, dropout in it, or more data"
            }
            Kind::VanishingGeneratorGradient => {
                "the non-saturating objective in place of minimax, or a lower learning rate of the discriminator"
            }
            Kind::ModeCollapse => {
                "a larger batch, a lower learning rate of the generator, another objective, or the best checkpoint so far"
            }
            Kind::PosteriorCollapse => {
                "a smaller `beta`, free bits (objective.kind=free-bits), a smaller `decoder.sd`, or a decoder of less capacity"
            }
            Kind::Oscillation => "lower learning rates of both networks, or less momentum (`beta1`)",
        }
    }
}

/// Where a rule finds its figures.
#[derive(Clone, Copy)]
enum Source {
    /// In the reports of steps.
    Reports,
    /// In the measurements on held-out data.
    Measurements,
}

impl Source {
    /// The fewest of them in a window.
    fn fewest(self) -> usize {
        match self {
            Source::Reports => 20,
            Source::Measurements => 3,
        }
    }
}

/// Steps that a window spans at least.
const SPAN: u64 = 500;
/// The same for swings, which take their time.
const LONG_SPAN: u64 = 1000;

/// The logit ln 4: odds of four to one.
const SURE: f64 = 1.386;

/// What is made of a figure's values in the window.
#[derive(Clone, Copy)]
enum Statistic {
    /// The lower median: one value in it says nothing.
    Median,
    /// How often the value, a mean logit, went from below `-SURE` to above `SURE`, or back.
    Swings,
}

/// Where an episode begins and ends: above both limits, if the first is the larger, or below both.
struct Limit {
    figure: &'static str,
    begins: f64,
    ends: f64,
}

impl Limit {
    const fn new(figure: &'static str, begins: f64, ends: f64) -> Self {
        Self { figure, begins, ends }
    }

    fn above(&self) -> bool {
        self.begins > self.ends
    }

    fn verdict(&self, value: f64) -> Verdict {
        let side = if self.above() { 1.0 } else { -1.0 };
        match (side * value, side * self.begins, side * self.ends) {
            (value, begins, _) if value >= begins => Verdict::Ill,
            (value, _, ends) if value <= ends => Verdict::Well,
            _ => Verdict::Between,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Verdict {
    Unknown,
    Well,
    Between,
    Ill,
}

/// One way to notice a kind: all of its limits have to be reached.
struct Rule {
    kind: Kind,
    source: Source,
    statistic: Statistic,
    limits: &'static [Limit],
}

/// The definitions, with their reasons in the guide's page on health.
const RULES: &[Rule] = &[
    // Right and sure on both sides: ln 99 = 4.6 are odds of 99 to 1, ln 19 = 2.94 of 19 to 1. To be right is not enough: a
    // discriminator with batch norm sees whole batches and tells them long before it is sure.
    Rule {
        kind: Kind::DiscriminatorDominates,
        source: Source::Reports,
        statistic: Statistic::Median,
        limits: &[
            Limit::new("accuracy/real", 0.95, 0.9),
            Limit::new("accuracy/fake", 0.95, 0.9),
            Limit::new("logit/real", 4.6, 2.94),
            Limit::new("logit/fake", -4.6, -2.94),
        ],
    },
    // Moving all weights by a distance of 1 would change the loss by 0.01 at most, to first order.
    Rule {
        kind: Kind::VanishingGeneratorGradient,
        source: Source::Reports,
        statistic: Statistic::Median,
        limits: &[Limit::new("grad_norm/generator", 0.01, 0.1)],
    },
    // Half of the spread is a quarter of the variance.
    Rule {
        kind: Kind::ModeCollapse,
        source: Source::Reports,
        statistic: Statistic::Median,
        limits: &[Limit::new("diversity/batch", 0.5, 0.6)],
    },
    // Samples that lie near modes, but near few of them; before they do, no mode is covered and none is lost.
    Rule {
        kind: Kind::ModeCollapse,
        source: Source::Measurements,
        statistic: Statistic::Median,
        limits: &[Limit::new("covered_share", 0.5, 0.6), Limit::new("near", 0.5, 0.4)],
    },
    // Twenty times the repeats of real items.
    Rule {
        kind: Kind::ModeCollapse,
        source: Source::Measurements,
        statistic: Statistic::Median,
        limits: &[Limit::new("duplicates", 0.2, 0.1)],
    },
    // Burda et al. (2016): Var_x(E[z|x]) > 0.01 for no latent.
    Rule {
        kind: Kind::PosteriorCollapse,
        source: Source::Reports,
        statistic: Statistic::Median,
        limits: &[Limit::new("latents/active", 0.0, 1.0)],
    },
    Rule {
        kind: Kind::PosteriorCollapse,
        source: Source::Reports,
        statistic: Statistic::Median,
        limits: &[Limit::new("kl_per_latent/largest", 0.01, 0.02)],
    },
    // Three whole periods. By the logits, for a discriminator with batch norm is now right and now wrong on a whole batch
    // while it is sure of nothing.
    Rule {
        kind: Kind::Oscillation,
        source: Source::Reports,
        statistic: Statistic::Swings,
        limits: &[Limit::new("logit/fake", 6.0, 1.0)],
    },
];

/// Figures by name, after a step.
type Report = (u64, BTreeMap<String, f64>);

/// The state of all rules.
#[derive(Default)]
pub struct Health {
    reports: VecDeque<Report>,
    measured: VecDeque<Report>,
    current: Vec<Kind>,
}

impl Health {
    /// After the events of a run; with what begins and ends in them, as [`tick`](Self::tick) and
    /// [`measured`](Self::measured) tell it.
    pub fn replay(events: &[Event]) -> (Self, Vec<Event>) {
        let (mut health, mut told) = (Self::default(), Vec::new());
        for event in events {
            match event {
                Event::Tick { step, figures, .. } => {
                    told.extend(health.tick(*step, figures.iter().map(|(name, value)| (name.as_str(), *value))));
                }
                Event::Eval { step, figures, .. } => told.extend(health.measured(*step, figures.clone())),
                _ => {}
            }
        }
        (health, told)
    }

    /// Takes a report of a step; gives the [`Event::Health`] and [`Event::Recovered`] that follow from it.
    pub fn tick<'f>(&mut self, step: u64, figures: impl Iterator<Item = (&'f str, f32)>) -> Vec<Event> {
        self.reports.push_back((step, figures.map(|(name, value)| (name.to_owned(), value.into())).collect()));
        forget(&mut self.reports, Source::Reports);
        self.judge(step)
    }

    /// The same for figures on held-out data.
    pub fn measured(&mut self, step: u64, figures: BTreeMap<String, f64>) -> Vec<Event> {
        self.measured.push_back((step, figures));
        forget(&mut self.measured, Source::Measurements);
        self.judge(step)
    }

    /// What is going wrong now.
    pub fn current(&self) -> &[Kind] {
        &self.current
    }

    fn judge(&mut self, step: u64) -> Vec<Event> {
        let mut told = Vec::new();
        for kind in Kind::ALL {
            let rules = RULES.iter().filter(|rule| rule.kind == kind);
            let worst = rules.map(|rule| (self.verdict(rule), rule)).max_by_key(|(verdict, _)| *verdict);
            let now = self.current.contains(&kind);
            match worst {
                Some((Verdict::Ill, rule)) if !now => {
                    self.current.push(kind);
                    told.push(self.event(step, rule));
                }
                Some((Verdict::Well, _)) if now => {
                    self.current.retain(|&other| other != kind);
                    told.push(Event::Recovered { step, kind });
                }
                _ => {}
            }
        }
        told
    }

    fn verdict(&self, rule: &Rule) -> Verdict {
        let verdicts = rule.limits.iter().map(|limit| self.value(rule, limit).map(|value| limit.verdict(value)));
        // All have to be ill, and one that is well is enough to be well.
        verdicts.min().flatten().unwrap_or(Verdict::Unknown)
    }

    /// The statistic of a figure in the rule's window, where that is full.
    fn value(&self, rule: &Rule, limit: &Limit) -> Option<f64> {
        let found = |(_, figures): &Report| figures.get(limit.figure).copied().filter(|value| value.is_finite());
        let mut values: Vec<f64> = self.window(rule)?.map(found).collect::<Option<_>>()?;
        Some(match rule.statistic {
            Statistic::Median => {
                let middle = (values.len() - 1) / 2;
                *values.select_nth_unstable_by(middle, f64::total_cmp).1
            }
            Statistic::Swings => swings(&values) as f64,
        })
    }

    /// What the rule looks at, if there is enough of it.
    fn window(&self, rule: &Rule) -> Option<impl Iterator<Item = &Report>> {
        let all = match rule.source {
            Source::Reports => &self.reports,
            Source::Measurements => &self.measured,
        };
        let span = match rule.statistic {
            Statistic::Median => SPAN,
            Statistic::Swings => LONG_SPAN,
        };
        Some(all.range(begin(all, rule.source, span)?..))
    }

    fn event(&self, step: u64, rule: &Rule) -> Event {
        let values = rule.limits.iter().filter_map(|limit| Some((limit, self.value(rule, limit)?)));
        let told: Vec<String> = values.clone().map(|(limit, value)| told(rule.statistic, limit, value)).collect();
        let n = self.window(rule).map_or(0, Iterator::count);
        let of = match rule.source {
            Source::Reports => "reports",
            Source::Measurements => "measurements on held-out data",
        };
        let window = match rule.statistic {
            Statistic::Median => format!("medians of {n} {of}"),
            Statistic::Swings => format!("in {n} {of}"),
        };
        Event::Health {
            step,
            kind: rule.kind,
            text: format!("{}; {window}", told.join(", ")),
            figures: values.map(|(limit, value)| (limit.figure.to_owned(), value)).collect(),
            advice: rule.kind.advice().to_owned(),
        }
    }
}

/// Where the shortest window begins that spans so many steps and has enough in it.
fn begin(all: &VecDeque<Report>, source: Source, span: u64) -> Option<usize> {
    let latest = all.back()?.0;
    let spans = all.iter().rposition(|(step, _)| latest.saturating_sub(*step) >= span)?;
    Some(spans.min(all.len().checked_sub(source.fewest())?))
}

/// Drops what no rule looks at any more.
fn forget(all: &mut VecDeque<Report>, source: Source) {
    if let Some(first) = begin(all, source, LONG_SPAN) {
        all.drain(..first);
    }
}

fn told(statistic: Statistic, limit: &Limit, value: f64) -> String {
    let Limit { figure, begins, .. } = limit;
    let side = if limit.above() { "at least" } else { "at most" };
    match statistic {
        Statistic::Median => format!("{figure} {} ({side} {begins})", crate::sitting::rounded(value)),
        Statistic::Swings => format!("{figure} swung {value} times between -{SURE} and {SURE} ({side} {begins})"),
    }
}

/// How often values go from one side of [-SURE, SURE] to the other; what lies within changes nothing.
fn swings(values: &[f64]) -> usize {
    let sides: Vec<bool> = values.iter().filter(|value| value.abs() >= SURE).map(|value| *value > 0.0).collect();
    sides.windows(2).filter(|pair| pair[0] != pair[1]).count()
}

/// The kinds that a run's figures can tell of.
pub fn watched(events: &[Event]) -> Vec<Kind> {
    let recorded = |figure: &str, source: Source| {
        events.iter().any(|event| match (event, source) {
            (Event::Tick { figures, .. }, Source::Reports) => figures.contains_key(figure),
            (Event::Eval { figures, .. }, Source::Measurements) => figures.contains_key(figure),
            _ => false,
        })
    };
    let can = |rule: &Rule| rule.limits.iter().all(|limit| recorded(limit.figure, rule.source));
    Kind::ALL.into_iter().filter(|&kind| RULES.iter().any(|rule| rule.kind == kind && can(rule))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds a report every ten steps; what is told, as (step, kind, whether it begins).
    fn told(reports: impl IntoIterator<Item = Vec<(&'static str, f32)>>) -> Vec<(u64, Kind, bool)> {
        let mut health = Health::default();
        let events = (1..).zip(reports).flat_map(|(i, report)| health.tick(10 * i, report.into_iter()));
        events.map(|event| brief(&event)).collect()
    }

    fn brief(event: &Event) -> (u64, Kind, bool) {
        match event {
            Event::Health { step, kind, .. } => (*step, *kind, true),
            Event::Recovered { step, kind } => (*step, *kind, false),
            other => panic!("{other:?}"),
        }
    }

    /// Of a discriminator that is sure.
    fn accuracies(real: f32, fake: f32) -> Vec<(&'static str, f32)> {
        vec![("accuracy/real", real), ("accuracy/fake", fake), ("logit/real", 6.0), ("logit/fake", -6.0)]
    }

    fn repeated<T: Clone>(parts: &[(usize, T)]) -> Vec<T> {
        parts.iter().flat_map(|(n, value)| std::iter::repeat_n(value.clone(), *n)).collect()
    }

    /// 51 reports span 500 steps. 25 others of them leave the median where it is, 26 move it.
    #[test]
    fn an_episode_begins_when_the_window_is_full_and_ends_when_its_median_is_back() {
        use Kind::DiscriminatorDominates as Dominates;
        let (ill, well) = (accuracies(0.98, 1.0), accuracies(0.98, 0.7));
        assert_eq!(told(repeated(&[(50, ill.clone())])), []);
        assert_eq!(
            told(repeated(&[(60, ill.clone()), (25, well.clone()), (60, ill.clone())])),
            [(510, Dominates, true)]
        );
        let found = told(repeated(&[(60, ill.clone()), (26, well.clone()), (60, ill)]));
        // Of the last 51, 26 are well after 86 reports; ill is again the median 26 reports later.
        assert_eq!(found, [(510, Dominates, true), (860, Dominates, false), (1120, Dominates, true)]);
    }

    #[test]
    fn between_its_limits_an_episode_neither_begins_nor_ends() {
        let (ill, between) = (accuracies(0.96, 0.97), accuracies(0.92, 0.93));
        assert_eq!(told(repeated(&[(200, between.clone())])), []);
        assert_eq!(told(repeated(&[(60, ill.clone()), (200, between), (60, ill)])).len(), 1);
    }

    #[test]
    fn one_side_that_is_told_well_is_not_dominance_nor_is_a_guess() {
        assert_eq!(told(repeated(&[(100, accuracies(1.0, 0.87))])), []);
        let mut unsure = accuracies(1.0, 1.0);
        unsure[3].1 = -4.5;
        assert_eq!(told(repeated(&[(100, unsure)])), []);
        assert_eq!(
            told(repeated(&[(100, vec![("accuracy/real", 1.0)])])),
            [],
            "and what is not recorded is not judged"
        );
    }

    #[test]
    fn each_kind_is_noticed_by_its_figure() {
        let cases = [
            ("grad_norm/generator", 0.009, 0.011, Kind::VanishingGeneratorGradient),
            ("diversity/batch", 0.5, 0.51, Kind::ModeCollapse),
            ("latents/active", 0.0, 1.0, Kind::PosteriorCollapse),
            ("kl_per_latent/largest", 0.009, 0.011, Kind::PosteriorCollapse),
        ];
        for (figure, ill, well, kind) in cases {
            assert_eq!(told(vec![vec![(figure, ill)]; 51]), [(510, kind, true)], "{figure}");
            assert_eq!(told(vec![vec![(figure, well)]; 200]), [], "{figure}");
            assert_eq!(told(vec![vec![(figure, f32::NAN)]; 200]), [], "{figure}");
        }
    }

    /// A period of 20 reports swings 10 times in 101; one of 50, four times. What is not sure on both sides never does.
    #[test]
    fn swings_from_one_side_to_the_other_are_oscillation() {
        let wave = |period: usize, low: f32, high: f32| -> Vec<Vec<(&'static str, f32)>> {
            let half = period / 2;
            (0..300)
                .map(|i| vec![("logit/fake", if usize::is_multiple_of(i / half, 2) { low } else { high })])
                .collect()
        };
        assert_eq!(told(wave(20, -2.0, 1.5)), [(1010, Kind::Oscillation, true)]);
        assert_eq!(told(wave(50, -2.0, 1.5)), []);
        assert_eq!(told(wave(20, -9.0, 1.3)), []);
        let calm = repeated(&[(300, vec![("logit/fake", -2.0)])]);
        let found = told([wave(20, -2.0, 1.5), calm].concat());
        assert_eq!(found.len(), 2, "{found:?}");
        assert_eq!(found[1].1, Kind::Oscillation);
    }

    fn eval(step: u64, figures: &[(&str, f64)]) -> Event {
        let figures = figures.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect();
        Event::Eval { step, seconds: 0.0, by: String::new(), figures, best: false }
    }

    #[test]
    fn modes_are_lost_only_where_samples_are_near_some() {
        let run = |covered, near| -> Vec<Event> {
            (1..=9).map(|i| eval(100 * i, &[("covered_share", covered), ("near", near)])).collect()
        };
        let found = Health::replay(&run(0.125, 0.9)).1;
        assert_eq!(found.iter().map(brief).collect::<Vec<_>>(), [(600, Kind::ModeCollapse, true)]);
        assert_eq!(Health::replay(&run(0.0, 0.1)).1, []);
        assert_eq!(Health::replay(&run(1.0, 0.9)).1, []);
        assert_eq!(watched(&run(1.0, 0.9)), [Kind::ModeCollapse]);
        let repeats = [100, 400, 600].map(|step| eval(step, &[("duplicates", 0.3)]));
        assert_eq!(Health::replay(&repeats).1.len(), 1);
    }

    /// Two ways to notice one kind: it is over when both say so.
    #[test]
    fn an_episode_lasts_while_any_of_its_rules_sees_it() {
        let mut health = Health::default();
        let mut found: Vec<Event> =
            (1..=51).flat_map(|i| health.tick(10 * i, [("diversity/batch", 0.1)].into_iter())).collect();
        for step in [520, 530, 1040] {
            found.extend(health.measured(step, [("duplicates".to_owned(), 0.5)].into()));
        }
        found.extend((105..200).flat_map(|i| health.tick(10 * i, [("diversity/batch", 0.9)].into_iter())));
        assert_eq!((found.len(), health.current()), (1, &[Kind::ModeCollapse][..]));
        for step in [2000, 2010, 2520] {
            found.extend(health.measured(step, [("duplicates".to_owned(), 0.01)].into()));
        }
        assert_eq!((found.len(), health.current()), (2, &[][..]));
    }

    /// At any point a run may be broken: judged from its events, it goes on as it would have.
    #[test]
    fn a_run_that_goes_on_is_judged_as_an_unbroken_one() {
        let reports: Vec<Event> = (1..=300u64)
            .map(|i| {
                let fake = if i % 120 < 60 { 0.99 } else { 0.6 };
                let figures =
                    accuracies(0.99, fake).into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
                Event::Tick { step: 10 * i, seconds: 0.0, items_per_second: 0.0, figures }
            })
            .collect();
        let whole = Health::replay(&reports).1;
        assert!(whole.len() > 4, "{whole:?}");
        for broken in [0, 1, 50, 51, 120, 299, 300] {
            let (mut health, mut found) = Health::replay(&reports[..broken]);
            for event in &reports[broken..] {
                let Event::Tick { step, figures, .. } = event else { continue };
                found.extend(health.tick(*step, figures.iter().map(|(name, value)| (name.as_str(), *value))));
            }
            assert_eq!(found, whole, "{broken}");
        }
    }

    /// Reports far apart fill the window by their number, close ones by their span.
    #[test]
    fn a_window_has_at_least_twenty_reports_and_its_span() {
        let begins = |every: u64| {
            let mut health = Health::default();
            let events = (1..2000)
                .find_map(|i| health.tick(every * i, accuracies(1.0, 1.0).into_iter()).first().map(Event::step));
            events.unwrap()
        };
        assert_eq!(begins(1), 501);
        assert_eq!(begins(10), 510);
        assert_eq!(begins(1000), 20_000);
    }

    #[test]
    fn the_event_says_what_was_found_and_its_limits() {
        let mut health = Health::default();
        let events: Vec<Event> =
            (1..=51).flat_map(|i| health.tick(10 * i, accuracies(1.0, 0.98).into_iter())).collect();
        let [Event::Health { text, figures, advice, .. }] = &events[..] else { panic!("{events:?}") };
        assert!(text.contains("accuracy/fake 0.9800 (at least 0.95)") && text.contains("51 reports"), "{text}");
        assert_eq!(figures["accuracy/real"], 1.0);
        assert!(advice.contains("learning rate"));
    }
}
