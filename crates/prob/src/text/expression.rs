use super::cursor::Cursor;
use super::{Problem, TextError, nearest};
use std::f64::consts::{E, LN_2, LN_10, PI, TAU};

/// Parts inside of each other at most, so that no text exhausts the stack of the program.
const DEEPEST: usize = 100;
/// Values that wait for their operator at most.
const WAITING: usize = 32;

/// A function: its name, its value, and its derivative from argument and value.
struct Function {
    name: &'static str,
    value: fn(f64) -> f64,
    slope: fn(f64, f64) -> f64,
}

const fn function(name: &'static str, value: fn(f64) -> f64, slope: fn(f64, f64) -> f64) -> Function {
    Function { name, value, slope }
}

static FUNCTIONS: [Function; 21] = [
    function("abs", f64::abs, |x, _| if x == 0.0 { 0.0 } else { x.signum() }),
    function("acos", f64::acos, |x, _| -1.0 / (1.0 - x * x).sqrt()),
    function("asin", f64::asin, |x, _| 1.0 / (1.0 - x * x).sqrt()),
    function("atan", f64::atan, |x, _| 1.0 / (1.0 + x * x)),
    function("cbrt", f64::cbrt, |_, y| 1.0 / (3.0 * y * y)),
    function("ceil", f64::ceil, |_, _| 0.0),
    function("cos", f64::cos, |x, _| -x.sin()),
    function("cosh", f64::cosh, |x, _| x.sinh()),
    function("erf", libm::erf, |x, _| 2.0 / PI.sqrt() * (-x * x).exp()),
    function("exp", f64::exp, |_, y| y),
    function("floor", f64::floor, |_, _| 0.0),
    function("lgamma", libm::lgamma, |x, _| statrs::function::gamma::digamma(x)),
    function("ln", f64::ln, |x, _| 1.0 / x),
    function("log", f64::ln, |x, _| 1.0 / x),
    function("log10", f64::log10, |x, _| 1.0 / (x * LN_10)),
    function("log2", f64::log2, |x, _| 1.0 / (x * LN_2)),
    function("sin", f64::sin, |x, _| x.cos()),
    function("sinh", f64::sinh, |x, _| x.cosh()),
    function("sqrt", f64::sqrt, |_, y| 0.5 / y),
    function("tan", f64::tan, |_, y| 1.0 + y * y),
    function("tanh", f64::tanh, |_, y| 1.0 - y * y),
];

/// Constants, and functions of two arguments.
const CONSTANTS: [(&str, f64); 4] = [("pi", PI), ("π", PI), ("e", E), ("tau", TAU)];
const PAIRS: [(&str, Step); 2] = [("min", Step::Least), ("max", Step::Greatest)];

/// One step of a program on a stack of values.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Step {
    Number(f64),
    X,
    Negate,
    Add,
    Subtract,
    Multiply,
    Divide,
    Power,
    Least,
    Greatest,
    /// Position in `FUNCTIONS`.
    Apply(usize),
}

/// A function of x from text, such as `3/8*x^2`.
///
/// There are `+ - * / ^`, parentheses, the constants `pi`, `e` and `tau`, `min(a, b)`, `max(a, b)`, and the functions
/// `abs acos asin atan cbrt ceil cos cosh erf exp floor lgamma ln log log10 log2 sin sinh sqrt tan tanh`, of which `log`
/// is `ln`. As in mathematics, `-x^2` is -(x^2) and `2^3^2` is 2^(3^2); a product needs its `*`.
///
/// ```
/// use ganvas_prob::text::Expression;
/// let density = Expression::parse("exp(-x^2/2) / sqrt(2*pi)")?;
/// assert!((density.eval(1.0) - 0.24197072451914337).abs() < 1e-16);
/// let error = Expression::parse("3/8*y^2").unwrap_err();
/// assert_eq!(error.to_string(), "there is no variable or function `y`; did you mean `x`?\n  3/8*y^2\n      ^");
/// # Ok::<(), ganvas_prob::text::TextError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Expression {
    steps: Vec<Step>,
}

impl Expression {
    /// The function that `text` names, of at most 4,096 characters.
    ///
    /// # Errors
    /// If the text is none, with the place; or if its parts are nested more than 100 deep.
    pub fn parse(text: &str) -> Result<Self, TextError> {
        let mut parser = Parser { cursor: Cursor::new(text)?, steps: Vec::new(), depth: 0, waiting: 0 };
        parser.sum()?;
        parser.cursor.end("an operator or the end")?;
        Ok(Self { steps: parser.steps })
    }

    /// Its value at x; NaN where it is not defined.
    pub fn eval(&self, x: f64) -> f64 {
        self.run(x, |f, a| (f.value)(a), |step, a, b| step.of_two(a, b), f64::from)
    }

    /// Value and derivative at x, exact but for round-off (forward differentiation).
    ///
    /// ```
    /// use ganvas_prob::text::Expression;
    /// assert_eq!(Expression::parse("x^3 - ln(x)")?.eval_with_slope(1.0), (1.0, 2.0));
    /// # Ok::<(), ganvas_prob::text::TextError>(())
    /// ```
    pub fn eval_with_slope(&self, x: f64) -> (f64, f64) {
        let apply = |f: &Function, (a, da): (f64, f64)| {
            let value = (f.value)(a);
            (value, product((f.slope)(a, value), da))
        };
        let two = |step: Step, a: (f64, f64), b: (f64, f64)| (step.of_two(a.0, b.0), step.slope_of_two(a, b));
        self.run((x, 1.0), apply, two, |number| (number, 0.0))
    }

    /// Runs the steps on numbers of any kind.
    fn run<T: Copy>(
        &self,
        x: T,
        apply: impl Fn(&Function, T) -> T,
        two: impl Fn(Step, T, T) -> T,
        constant: impl Fn(f64) -> T,
    ) -> T {
        let mut stack = [x; WAITING];
        let mut height = 0;
        for &step in &self.steps {
            match step {
                Step::Number(_) | Step::X => {
                    stack[height] = if let Step::Number(number) = step { constant(number) } else { x };
                    height += 1;
                }
                Step::Negate => stack[height - 1] = two(Step::Multiply, constant(-1.0), stack[height - 1]),
                Step::Apply(function) => stack[height - 1] = apply(&FUNCTIONS[function], stack[height - 1]),
                _ => {
                    height -= 1;
                    stack[height - 1] = two(step, stack[height - 1], stack[height]);
                }
            }
        }
        stack[0]
    }
}

/// A product in which a slope of zero stays zero beside an infinite one.
fn product(slope: f64, inner: f64) -> f64 {
    if inner == 0.0 { 0.0 } else { slope * inner }
}

impl Step {
    fn of_two(self, a: f64, b: f64) -> f64 {
        match self {
            Step::Add => a + b,
            Step::Subtract => a - b,
            Step::Multiply => a * b,
            Step::Divide => a / b,
            Step::Power => a.powf(b),
            Step::Least if a.is_nan() || b.is_nan() => f64::NAN,
            Step::Least => a.min(b),
            Step::Greatest if a.is_nan() || b.is_nan() => f64::NAN,
            Step::Greatest => a.max(b),
            Step::Number(_) | Step::X | Step::Negate | Step::Apply(_) => f64::NAN,
        }
    }

    fn slope_of_two(self, (a, da): (f64, f64), (b, db): (f64, f64)) -> f64 {
        match self {
            Step::Add => da + db,
            Step::Subtract => da - db,
            Step::Multiply => product(b, da) + product(a, db),
            Step::Divide => product(1.0 / b, da) - product(a / b / b, db),
            Step::Power => product(b * a.powf(b - 1.0), da) + product(a.powf(b) * a.ln(), db),
            Step::Least => {
                if a <= b {
                    da
                } else {
                    db
                }
            }
            Step::Greatest => {
                if a >= b {
                    da
                } else {
                    db
                }
            }
            Step::Number(_) | Step::X | Step::Negate | Step::Apply(_) => f64::NAN,
        }
    }
}

struct Parser<'a> {
    cursor: Cursor<'a>,
    steps: Vec<Step>,
    depth: usize,
    waiting: usize,
}

impl Parser<'_> {
    fn emit(&mut self, step: Step) -> Result<(), TextError> {
        match step {
            Step::Number(_) | Step::X => self.waiting += 1,
            Step::Negate | Step::Apply(_) => {}
            _ => self.waiting -= 1,
        }
        self.steps.push(step);
        if self.waiting <= WAITING { Ok(()) } else { Err(self.too_deep()) }
    }

    fn too_deep(&mut self) -> TextError {
        let place = self.cursor.place();
        self.cursor.error(place, Problem::TooDeep)
    }

    fn sum(&mut self) -> Result<(), TextError> {
        self.term()?;
        loop {
            let step = if self.cursor.eat('+') {
                Step::Add
            } else if self.cursor.eat('-') {
                Step::Subtract
            } else {
                return Ok(());
            };
            self.term()?;
            self.emit(step)?;
        }
    }

    fn term(&mut self) -> Result<(), TextError> {
        self.signed()?;
        loop {
            let step = if self.cursor.eat('*') {
                Step::Multiply
            } else if self.cursor.eat('/') {
                Step::Divide
            } else {
                return Ok(());
            };
            self.signed()?;
            self.emit(step)?;
        }
    }

    /// A power with its signs, `-x^2`. All recursion passes here.
    fn signed(&mut self) -> Result<(), TextError> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(self.too_deep());
        }
        if self.cursor.eat('-') {
            self.signed()?;
            self.emit(Step::Negate)?;
        } else if self.cursor.eat('+') {
            self.signed()?;
        } else {
            self.operand()?;
            if self.cursor.eat('^') {
                self.signed()?;
                self.emit(Step::Power)?;
            }
        }
        self.depth -= 1;
        Ok(())
    }

    fn operand(&mut self) -> Result<(), TextError> {
        if self.cursor.eat('(') {
            self.sum()?;
            return self.cursor.expect(')', "an operator or `)`");
        }
        if let Some(number) = self.cursor.decimal()? {
            return self.emit(Step::Number(number));
        }
        let start = self.cursor.place();
        let Some(name) = self.cursor.name() else {
            return Err(self.cursor.expected("a number, x, a function or `(`"));
        };
        if name == "x" {
            return self.emit(Step::X);
        }
        if let Some((_, value)) = CONSTANTS.iter().find(|(known, _)| *known == name) {
            return self.emit(Step::Number(*value));
        }
        let step = FUNCTIONS.iter().position(|f| f.name == name).map(Step::Apply);
        let pair = PAIRS.iter().find(|(known, _)| *known == name).map(|pair| pair.1);
        let Some(step) = step.or(pair) else {
            let functions = FUNCTIONS.iter().map(|f| f.name).chain(PAIRS.map(|pair| pair.0));
            let nearest = nearest(&name, ["x"].into_iter().chain(functions).chain(CONSTANTS.map(|c| c.0)));
            return Err(self.cursor.error(start, Problem::Unknown { what: "variable or function", name, nearest }));
        };
        self.cursor.expect('(', "`(` and the argument")?;
        self.sum()?;
        if pair.is_some() {
            self.cursor.expect(',', "`,` and a second argument")?;
            self.sum()?;
        }
        self.cursor.expect(')', "an operator or `)`")?;
        self.emit(step)
    }
}
