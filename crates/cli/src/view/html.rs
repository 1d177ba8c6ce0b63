//! The report of a run: one HTML file that holds its pictures and needs no script, font or network.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ganvas_metrics::Figure;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::bars::bars;
use super::explain::{Better, Meaning, meaning};
use super::format::{count, interval, number, uncertainty};
use super::table::compared;

const STYLE: &str = include_str!("report.css");

/// The bytes of a PNG file.
pub type Png = Vec<u8>;

/// All that a report shows. Empty parts are left out.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// The heading: system, data and step.
    pub title: String,
    /// The system's id.
    pub system: String,
    /// The system's task, in words.
    pub task: String,
    /// The run's folder.
    pub run: String,
    /// What was run, as name and value: data, seed, steps, images a second, time, device.
    pub summary: Vec<(String, String)>,
    /// What was measured.
    pub figures: Vec<Figure>,
    /// Real data, to look at beside the last of `grids`.
    pub real: Option<(String, Png)>,
    /// Samples over time, with a caption each; the last is shown large.
    pub grids: Vec<(String, Png)>,
    /// What the codes of the run's system are: reconstructions, what lies between items, codes one by one.
    pub codes: Vec<Picture>,
    /// Curves over steps: a caption, which may be empty, and an SVG element, which has its own title.
    pub curves: Vec<(String, String)>,
    /// What went wrong.
    pub health: Vec<Episode>,
    /// What the run's figures can tell of, in words.
    pub watched: Vec<&'static str>,
    /// The run's `config.toml`.
    pub config: String,
    /// Events and warnings that a reader must know of.
    pub notes: Vec<String>,
    /// Whose data it is, and under which licence.
    pub attribution: String,
    /// Commands that make run and report again.
    pub commands: Vec<String>,
}

/// Something that went wrong for a while.
#[derive(Debug, Clone)]
pub struct Episode {
    /// What.
    pub words: &'static str,
    /// The step at which it was noticed.
    pub from: u64,
    /// The step at which it was over, if it was.
    pub to: Option<u64>,
    /// The figures that tell it.
    pub text: String,
    /// What to try.
    pub advice: String,
}

/// The report as one HTML file.
pub fn report(report: &Report) -> String {
    let body = html! {
        main {
            (heading(report))
            (notes(&report.notes))
            (samples(report))
            (codes(&report.codes))
            (figures(&report.figures))
            (health(&report.health, &report.watched))
            (curves(&report.curves))
            @if !report.config.is_empty() {
                section aria-labelledby="settings" {
                    h2 id="settings" { "Settings" }
                    // Reached by the keyboard, for it scrolls.
                    pre tabindex="0" role="region" aria-label="config.toml" { code { (report.config) } }
                }
            }
        }
        (footer(report))
    };
    page(&report.title, &body)
}

/// A file of its own around a body.
fn page(title: &str, body: &Markup) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="generator" content="Ganvas";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body { (body) }
        }
    };
    page.into_string()
}

/// What a run, or real data, looks like, with a caption.
#[derive(Debug, Clone)]
pub enum Picture {
    /// A grid of images.
    Png(String, Png),
    /// A plot.
    Svg(String, String),
}

/// Several runs measured in one way.
#[derive(Debug, Clone)]
pub struct Comparison {
    /// The heading.
    pub title: String,
    /// How they were measured, in a line.
    pub facts: String,
    /// The runs with their figures.
    pub columns: Vec<(String, Vec<Figure>)>,
    /// Pictures of them.
    pub pictures: Vec<Picture>,
}

/// The comparison as one HTML file: a table, a plot for each figure, and the pictures.
pub fn comparison(comparison: &Comparison) -> String {
    let rows = compared(&comparison.columns);
    let body = html! {
        main {
            header {
                h1 { (comparison.title) }
                p.quiet { (comparison.facts) }
            }
            section aria-labelledby="figures" {
                h2 id="figures" { "Figures" }
                div.wide tabindex="0" role="region" aria-labelledby="figures" {
                    table {
                        thead {
                            tr {
                                th.text scope="col" { "figure" }
                                @for (run, _) in &comparison.columns { th scope="col" { (run) } }
                                th scope="col" { "floor" }
                                th scope="col" { "baseline" }
                            }
                        }
                        tbody {
                            @for row in &rows {
                                tr {
                                    th scope="row" {
                                        (row.name)
                                        @if let Some(Meaning { text, .. }) = meaning(row.name) { small { (text) "." } }
                                    }
                                    @for (i, figure) in row.figures.iter().enumerate() {
                                        td {
                                            @match figure {
                                                Some(figure) if row.best == Some(i) => b { (number(figure.value)) },
                                                Some(figure) => (number(figure.value)),
                                                None => "–",
                                            }
                                            @if let Some(ends) = figure.and_then(|figure| figure.interval) {
                                                small { (interval(ends)) }
                                            }
                                        }
                                    }
                                    td { (row.floor.map(number).unwrap_or_else(|| "–".into())) }
                                    td { (row.baseline.map(number).unwrap_or_else(|| "–".into())) }
                                }
                            }
                        }
                    }
                }
                p.quiet {
                    small {
                        "The best run of a line is bold; whether it is better than the next one by more than chance, one run of each does "
                        "not tell. The floor is what real data scores against other real data, the baseline what a naive method scores."
                    }
                }
            }
            section aria-labelledby="plots" {
                h2 id="plots" { "Side by side" }
                div.curves {
                    @for row in &rows {
                        @let runs = row.named(&comparison.columns);
                        figure { (PreEscaped(bars(row.name, &runs, row.floor, row.baseline))) }
                    }
                }
            }
            @if !comparison.pictures.is_empty() {
                section aria-labelledby="samples" {
                    h2 id="samples" { "Samples" }
                    div.pair {
                        @for picture in &comparison.pictures {
                            @match picture {
                                Picture::Png(caption, bytes) => (figure(&(caption.clone(), bytes.clone()), "Samples")),
                                Picture::Svg(caption, svg) => figure { (PreEscaped(svg)) figcaption { (caption) } },
                            }
                        }
                    }
                }
            }
        }
    };
    page(&comparison.title, &body)
}

fn heading(report: &Report) -> Markup {
    let facts: Vec<_> = [("system", &report.system), ("task", &report.task), ("run", &report.run)]
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| (name, value.as_str()))
        .chain(report.summary.iter().map(|(name, value)| (name.as_str(), value.as_str())))
        .collect();
    html! {
        header {
            h1 { (report.title) }
            @if !facts.is_empty() {
                dl.summary {
                    @for (name, value) in facts {
                        div { dt { (name) } dd { (value) } }
                    }
                }
            }
        }
    }
}

fn notes(notes: &[String]) -> Markup {
    html! {
        @if !notes.is_empty() {
            section.notes aria-labelledby="notes" {
                h2 id="notes" { "To know about this run" }
                ul { @for note in notes { li { (note) } } }
            }
        }
    }
}

fn samples(report: &Report) -> Markup {
    let Some((last, earlier)) = report.grids.split_last() else { return html! {} };
    html! {
        section aria-labelledby="samples" {
            h2 id="samples" { "Samples" }
            div.pair {
                (figure(last, "Generated samples"))
                @if let Some(real) = &report.real { (figure(real, "Real data")) }
            }
            @if !earlier.is_empty() {
                div.time { @for grid in earlier { (figure(grid, "Generated samples")) } }
            }
        }
    }
}

fn codes(pictures: &[Picture]) -> Markup {
    html! {
        @if !pictures.is_empty() {
            section aria-labelledby="codes" {
                h2 id="codes" { "Codes" }
                div.pair {
                    @for picture in pictures {
                        @match picture {
                            Picture::Png(caption, bytes) => (figure(&(caption.clone(), bytes.clone()), "Codes")),
                            Picture::Svg(caption, svg) => figure { (PreEscaped(svg)) figcaption { (caption) } },
                        }
                    }
                }
            }
        }
    }
}

fn figure((caption, bytes): &(String, Png), what: &str) -> Markup {
    html! {
        figure {
            img alt={ (what) ": " (caption) } src={ "data:image/png;base64," (STANDARD.encode(bytes)) };
            figcaption { (caption) }
        }
    }
}

fn figures(figures: &[Figure]) -> Markup {
    html! {
        @if !figures.is_empty() {
            section aria-labelledby="figures" {
                h2 id="figures" { "Figures" }
                // Reached by the keyboard, for it scrolls on a narrow screen.
                div.wide tabindex="0" role="region" aria-labelledby="figures" {
                    table {
                        thead {
                            tr {
                                th.text scope="col" { "figure" }
                                th scope="col" { "value" }
                                th scope="col" { "floor" }
                                th scope="col" { "baseline" }
                                th scope="col" { "generated" }
                                th scope="col" { "real" }
                                th.text scope="col" { "extractor" }
                            }
                        }
                        tbody { @for figure in figures { (row(figure)) } }
                    }
                }
                p.quiet {
                    small {
                        "± is one standard error; two ends below a value are its 95 % interval, that of a Frechet distance without "
                        "its bias by the number of samples. The floor is what real data scores against other real data, the baseline what a naive "
                        "method scores; the dot shows where the value lies from floor (left) to baseline (right). "
                        "“Generated” and “real” are the numbers of samples: figures from other numbers do not compare."
                    }
                }
            }
        }
    }
}

fn row(figure: &Figure) -> Markup {
    let optional = |value: Option<String>| value.unwrap_or_else(|| "–".to_owned());
    html! {
        tr {
            th scope="row" {
                (figure.name)
                @if let Some(Meaning { better, text }) = meaning(&figure.name) {
                    small {
                        (text) "."
                        @match better {
                            Some(Better::Lower) => " Lower is better.",
                            Some(Better::Higher) => " Higher is better.",
                            None => {}
                        }
                    }
                }
            }
            td.value {
                (number(figure.value))
                @if let Some(stderr) = figure.stderr { span { " ± " (uncertainty(stderr)) } }
                @if let Some(ends) = figure.interval { small { (interval(ends)) } }
                @if let Some(percent) = position(figure) {
                    div.scale role="img" aria-label={ (percent) " % of the way from floor to baseline" } {
                        i style={ "left:" (percent.clamp(0, 100)) "%" } {}
                    }
                }
            }
            td { (optional(figure.floor.map(number))) }
            td { (optional(figure.baseline.map(number))) }
            td { (optional(figure.n_fake.map(count))) }
            td { (optional(figure.n_real.map(count))) }
            td.text { (optional(figure.extractor.clone())) }
        }
    }
}

/// Where a figure lies from its floor (0) to its baseline (100); outside of both beyond.
fn position(figure: &Figure) -> Option<i32> {
    let (floor, baseline) = (figure.floor?, figure.baseline?);
    let percent = (figure.value - floor) / (baseline - floor) * 100.0;
    percent.is_finite().then(|| percent.round().clamp(-1e6, 1e6) as i32)
}

fn health(episodes: &[Episode], watched: &[&str]) -> Markup {
    html! {
        @if !episodes.is_empty() || !watched.is_empty() {
            section aria-labelledby="health" {
                h2 id="health" { "Health" }
                @if episodes.is_empty() { p { "Nothing was noticed." } }
                @else {
                    ul {
                        @for Episode { words, from, to, text, advice } in episodes {
                            li {
                                b { (words) }
                                @match to {
                                    Some(to) => { ", steps " (from) " to " (to) },
                                    None => { ", from step " (from) " to the end" },
                                }
                                ": " (text) ". To try: " (advice) "."
                            }
                        }
                    }
                }
                @if !watched.is_empty() { p.quiet { small { "Watched for: " (watched.join(", ")) "." } } }
            }
        }
    }
}

fn curves(curves: &[(String, String)]) -> Markup {
    html! {
        @if !curves.is_empty() {
            section aria-labelledby="curves" {
                h2 id="curves" { "Curves" }
                div.curves {
                    @for (caption, svg) in curves {
                        figure {
                            (PreEscaped(svg))
                            @if !caption.is_empty() { figcaption { (caption) } }
                        }
                    }
                }
            }
        }
    }
}

fn footer(report: &Report) -> Markup {
    html! {
        footer {
            div {
                @if !report.commands.is_empty() {
                    h2 { "Make it again" }
                    pre tabindex="0" role="region" aria-label="commands" { code { (report.commands.join("\n")) } }
                }
                @if !report.attribution.is_empty() {
                    h2 { "Data" }
                    p { (report.attribution) }
                }
                p.quiet { small { "Made by Ganvas " (env!("CARGO_PKG_VERSION")) "." } }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> Report {
        let png = crate::view::image_grid(&[0.0; 4 * 64], [4, 1, 8, 8], None).unwrap();
        let svg = crate::view::curves("Losses", "nats", &[("generator".into(), vec![(0.0, 1.0), (1.0, 2.0)])]);
        let ffd = Figure {
            name: "ffd".into(),
            value: 3.0,
            stderr: Some(0.05),
            interval: Some([2.5, 3.25]),
            n_real: Some(359),
            n_fake: Some(2000),
            extractor: Some("digits-cnn-1 <64>".into()),
            floor: Some(1.0),
            baseline: Some(41.0),
        };
        Report {
            title: "dcgan on <digits>".into(),
            summary: vec![("seed".into(), "1 & only".into())],
            figures: vec![ffd],
            grids: vec![("step 0".into(), (png.clone())), ("step \"9\"".into(), (png))],
            curves: vec![("Losses".into(), svg)],
            config: "a = \"</code></pre><script>alert(1)</script>\"".into(),
            notes: vec!["<b>mode collapse</b> at step 7".into()],
            attribution: "Somebody, CC BY 4.0, https://example.org/data".into(),
            commands: vec!["ganvas train dcgan --seed 1".into(), "ganvas report runs/a".into()],
            ..Report::default()
        }
    }

    #[test]
    fn nothing_is_loaded_from_elsewhere() {
        let page = report(&example());
        for attribute in ["src=", "href=", "url(", "@import", "<script", "<link", "<iframe", "srcset="] {
            let loads = page.match_indices(attribute).filter(|(at, _)| {
                let value = page[at + attribute.len()..].trim_start_matches(['"', '\'']);
                !(attribute == "src=" && value.starts_with("data:image/png;base64,"))
            });
            assert_eq!(loads.count(), 0, "{attribute}");
        }
        assert_eq!(page.matches("src=").count(), 2);
    }

    #[test]
    fn text_is_escaped() {
        let page = report(&example());
        assert!(page.contains("&lt;/code&gt;&lt;/pre&gt;&lt;script&gt;alert(1)"));
        assert!(page.contains("dcgan on &lt;digits&gt;") && page.contains("1 &amp; only"));
        assert!(page.contains("&lt;b&gt;mode collapse") && page.contains("digits-cnn-1 &lt;64&gt;"));
        assert!(page.contains("alt=\"Generated samples: step &quot;9&quot;\""));
    }

    #[test]
    fn the_pictures_are_in_the_page() {
        let example = example();
        let page = report(&example);
        let (_, bytes) = &example.grids[0];
        let encoded = page.split("base64,").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
        assert_eq!(&STANDARD.decode(encoded).unwrap(), bytes);
        assert!(page.contains(&example.curves[0].1));
    }

    #[test]
    fn figures_stand_with_their_meaning_floor_and_baseline() {
        let page = report(&example());
        for text in ["3<span> ± 0.050", "Lower is better.", "left:5%", "5 % of the way", "2,000", "359", "41"] {
            assert!(page.contains(text), "{text}");
        }
    }

    #[test]
    fn a_figure_without_a_scale_has_no_position() {
        let [ffd] = <[Figure; 1]>::try_from(example().figures).unwrap();
        assert_eq!(position(&ffd), Some(5));
        assert_eq!(position(&Figure { baseline: Some(1.0), ..ffd.clone() }), None);
        assert_eq!(position(&Figure { value: f64::NAN, ..ffd.clone() }), None);
        assert_eq!(position(&Figure { floor: None, ..ffd }), None);
    }

    #[test]
    fn what_went_wrong_is_told_and_otherwise_what_was_watched() {
        let watched = vec!["mode collapse", "oscillation"];
        let page = report(&Report { watched: watched.clone(), ..Report::default() });
        assert!(page.contains("Nothing was noticed.") && page.contains("Watched for: mode collapse, oscillation."));
        let episode = |to| Episode {
            words: "mode collapse",
            from: 510,
            to,
            text: "diversity <0.2>".into(),
            advice: "a larger batch".into(),
        };
        let page = report(&Report { watched, health: vec![episode(Some(900)), episode(None)], ..Report::default() });
        assert!(!page.contains("Nothing was noticed.") && page.contains("steps 510 to 900"));
        assert!(page.contains("from step 510 to the end: diversity &lt;0.2&gt;. To try: a larger batch."));
    }

    #[test]
    fn empty_parts_are_left_out() {
        let page = report(&Report { title: "empty".into(), ..Report::default() });
        for heading in ["Samples", "Figures", "Health", "Curves", "Settings", "Make it again", "Data", "To know"] {
            assert!(!page.contains(&format!(">{heading}<")), "{heading}");
        }
    }
}
