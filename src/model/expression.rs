//! Regular expressions whose time is bounded: by a limit on repetitions, and by an end of the time for one long
//! text.

use std::{
    sync::{Mutex, OnceLock, PoisonError},
    time::Instant,
};

use regex::{Regex, RegexBuilder};
use regex_automata::{
    Input,
    hybrid::dfa::{Cache, DFA},
    nfa::thompson::{self, WhichCaptures},
    util::syntax,
};
use regex_syntax::{
    ParserBuilder,
    hir::{Hir, HirKind},
};

/// The largest memory of one compiled expression, in bytes. Those of all pools stay in memory.
const REGEX_BYTES_MAX: usize = 1024 * 1024;

/// The largest number of positions of an expression. A position is a class or a text between classes, times
/// the number of repetitions: `\d{1,3}(\.\d{1,3}){3}` has 15. In the worst case every position costs time at
/// every character. `(?:a?b?){4000}[^ab]` ran at 15 kB/s, and `a.{400}x` runs at 200 kB/s.
const POSITIONS_MAX: u64 = 500;

/// The largest product of the positions of an expression and the bytes of a text that are compared at once. More
/// is compared in steps, with a look at the clock.
const AT_ONCE_WORK_MAX: u64 = POSITIONS_MAX * 64 * 1024;

/// The bytes between two looks at the clock: milliseconds in the worst case.
const STEP_BYTES: usize = 4096;

/// The positions at which `^` and `$` of an expression match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anchors {
    /// At the ends of the text.
    Text,
    /// At the ends of every line.
    Lines,
}

/// The reason why a regular expression is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail} (at character {position})")]
pub struct RegexFault {
    /// The message of the parser, without the position.
    pub detail: String,
    /// Counts characters of the expression from 1.
    pub position: usize,
}

/// A comparison did not end in its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfTime;

/// A compiled expression.
#[derive(Debug)]
pub struct Expression {
    regex: Regex,
    anchors: Anchors,
    positions: u64,
    /// Made for the first long text. `None` if it cannot be made. Boxed: it is large, and most expressions
    /// need none.
    stepper: OnceLock<Option<Box<Stepper>>>,
}

impl Clone for Expression {
    fn clone(&self) -> Self {
        let (regex, anchors, positions) = (self.regex.clone(), self.anchors, self.positions);
        Self { regex, anchors, positions, stepper: OnceLock::new() }
    }
}

/// Two expressions are equal if their texts are equal. Their compiled forms are not compared.
impl PartialEq for Expression {
    fn eq(&self, other: &Self) -> bool {
        self.regex.as_str() == other.regex.as_str() && self.anchors == other.anchors
    }
}

impl Expression {
    /// Compiles an expression.
    ///
    /// # Errors
    /// [`RegexFault`] for an expression that does not compile, takes too much memory, or repeats too much.
    pub fn new(expression: &str, anchors: Anchors) -> Result<Self, RegexFault> {
        let lines = anchors == Anchors::Lines;
        let regex = RegexBuilder::new(expression)
            .size_limit(REGEX_BYTES_MAX)
            .multi_line(lines)
            .crlf(lines)
            .build()
            .map_err(|error| fault(expression, &error))?;
        let parsed = ParserBuilder::new().multi_line(lines).crlf(lines).build().parse(expression);
        // Always `Ok`: the expression compiled.
        let positions = parsed.as_ref().map_or(0, positions);
        if positions > POSITIONS_MAX {
            let detail = format!(
                "the expression repeats too much: its parts, times their repetitions, are {positions}, \
                 and the limit is {POSITIONS_MAX}"
            );
            return Err(RegexFault { detail, position: 1 });
        }
        Ok(Self { regex, anchors, positions, stepper: OnceLock::new() })
    }

    /// Returns whether the expression matches a part of the text. Takes time that is linear in the length
    /// of the text, whatever it is.
    pub fn is_match(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }

    /// Returns whether the expression matches a part of the text.
    ///
    /// # Errors
    /// [`OutOfTime`] at `end`, or up to half a second later.
    pub fn is_match_before(&self, text: &str, end: Instant) -> Result<bool, OutOfTime> {
        if self.positions.saturating_mul(text.len() as u64) > AT_ONCE_WORK_MAX
            && let Some(stepper) = self.stepper()
            && let Some(found) = stepper.is_match(text, end)?
        {
            return Ok(found);
        }
        let found = self.regex.is_match(text);
        if Instant::now() > end { Err(OutOfTime) } else { Ok(found) }
    }

    fn stepper(&self) -> Option<&Stepper> {
        let make = || Stepper::new(self.regex.as_str(), self.anchors).map(Box::new);
        self.stepper.get_or_init(make).as_deref()
    }
}

/// The number of positions of an expression (its size after Glushkov), with a text as one.
fn positions(parsed: &Hir) -> u64 {
    match parsed.kind() {
        HirKind::Empty | HirKind::Look(_) => 0,
        HirKind::Literal(_) | HirKind::Class(_) => 1,
        HirKind::Repetition(repetition) => {
            let times = repetition.max.unwrap_or(repetition.min).max(1);
            positions(&repetition.sub).saturating_mul(times.into())
        }
        HirKind::Capture(capture) => positions(&capture.sub),
        // The regex crate compares alternative texts together: at one character, few of them go on.
        HirKind::Alternation(parts) if parts.iter().all(is_literal) => 1,
        HirKind::Concat(parts) | HirKind::Alternation(parts) => {
            parts.iter().map(positions).fold(0, u64::saturating_add)
        }
    }
}

fn is_literal(parsed: &Hir) -> bool {
    matches!(parsed.kind(), HirKind::Literal(_))
}

/// Compares a text byte by byte with a lazy DFA, so that the comparison can be ended in the text.
#[derive(Debug)]
struct Stepper {
    dfa: DFA,
    cache: Mutex<Cache>,
}

impl Stepper {
    /// `None` if the expression is too large for a DFA.
    fn new(expression: &str, anchors: Anchors) -> Option<Self> {
        let lines = anchors == Anchors::Lines;
        let dfa = DFA::builder()
            .configure(DFA::config().unicode_word_boundary(true).skip_cache_capacity_check(true))
            .thompson(
                thompson::Config::new()
                    .nfa_size_limit(Some(REGEX_BYTES_MAX))
                    .which_captures(WhichCaptures::None),
            )
            .syntax(syntax::Config::new().multi_line(lines).crlf(lines))
            .build(expression)
            .ok()?;
        let cache = Mutex::new(dfa.create_cache());
        Some(Self { dfa, cache })
    }

    /// Returns whether the expression matches. `None` if a DFA cannot tell: word boundaries in a text that is
    /// not ASCII.
    fn is_match(&self, text: &str, end: Instant) -> Result<Option<bool>, OutOfTime> {
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        let Ok(mut state) = self.dfa.start_state_forward(&mut cache, &Input::new(text)) else {
            return Ok(None);
        };
        for (at, byte) in text.bytes().enumerate() {
            if at % STEP_BYTES == 0 && Instant::now() > end {
                return Err(OutOfTime);
            }
            match self.dfa.next_state(&mut cache, state, byte) {
                Ok(next) => state = next,
                Err(_) => return Ok(None),
            }
            if state.is_tagged() {
                if state.is_match() {
                    return Ok(Some(true));
                }
                if state.is_dead() {
                    return Ok(Some(false));
                }
                if state.is_quit() {
                    return Ok(None);
                }
            }
        }
        let last = self.dfa.next_eoi_state(&mut cache, state);
        Ok(last.ok().map(|last| last.is_match()))
    }
}

/// The fault of an expression, with its position, which only the parser knows.
fn fault(expression: &str, error: &regex::Error) -> RegexFault {
    let (detail, at) = match regex_syntax::parse(expression) {
        Err(regex_syntax::Error::Parse(error)) => {
            (error.kind().to_string(), error.span().start.offset)
        }
        Err(regex_syntax::Error::Translate(error)) => {
            (error.kind().to_string(), error.span().start.offset)
        }
        // The expression is too large, or the error has a variant of a later version.
        Ok(_) | Err(_) => (error.to_string(), 0),
    };
    let before = expression.get(..at).unwrap_or_default();
    RegexFault { detail, position: before.chars().count() + 1 }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    fn in_a_minute() -> Instant {
        Instant::now() + Duration::from_secs(60)
    }

    #[test]
    fn expressions_of_people_are_accepted() {
        let names: Vec<_> = (0..2000).map(|number| format!("router-{number}")).collect();
        for expression in [
            r"^\w{1,15}-[a-z]{1,63}$",
            r"^(?:\d{1,3}\.){3}\d{1,3}(?:/\d{1,2})?$",
            r"([0-9a-f]{1,4}:){7}[0-9a-f]{1,4}",
            r"interface .{0,400}shutdown",
            &names.join("|"),
            &format!("^({})$", names.join("|")),
        ] {
            let compiled = Expression::new(expression, Anchors::Text);
            assert!(compiled.is_ok(), "{expression}: {:?}", compiled.err());
        }
    }

    #[test]
    fn expressions_that_repeat_too_much_are_refused() {
        let written_out = "a?b?".repeat(4000);
        for expression in [
            r"(?:a?b?){4000}[^ab]",
            r"(?:(?:a?b?){63}){63}[^ab]",
            r".{501}",
            &written_out,
            "(a|b?){251}",
        ] {
            let fault = Expression::new(expression, Anchors::Text).unwrap_err();
            assert!(fault.detail.contains("repeats too much"), "{expression}: {fault}");
        }
    }

    #[test]
    fn a_comparison_ends_within_a_long_text() {
        let slow = Expression::new(r"a.{400}x", Anchors::Text).unwrap();
        // Without a period, because each part of a text that repeats costs time once only.
        let mut random = 1_u32;
        let mut letter = || {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            if random >> 31 == 0 { 'a' } else { 'b' }
        };
        let text: String = std::iter::repeat_with(&mut letter).take(8 << 20).collect();
        let start = Instant::now();
        let end = start + Duration::from_millis(50);
        assert_eq!(slow.is_match_before(&text, end), Err(OutOfTime));
        // The whole text takes 40 s with optimisation.
        assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
    }

    proptest! {
        #[test]
        fn steps_find_what_the_library_finds(
            expression in prop_oneof![
                Just(r"^b$"), Just(r"\bb\b"), Just(r"a.c"), Just(r"(?s)a.*c$"), Just(r"é+"), Just(r"\w\W"),
                Just(r"$"), Just(r"^$"), Just(r"[^ab]"), Just(r"(?i)B"), Just(r"x*"), Just(r"a\nb"),
            ],
            lines in any::<bool>(),
            text in "[abcé \r\n]{0,12}",
        ) {
            let anchors = if lines { Anchors::Lines } else { Anchors::Text };
            let compiled = Expression::new(expression, anchors).unwrap();
            let stepper = compiled.stepper().unwrap();
            if let Some(found) = stepper.is_match(&text, in_a_minute()).unwrap() {
                prop_assert_eq!(found, compiled.is_match(&text));
            } else {
                prop_assert!(expression.contains(r"\b"));
            }
        }
    }
}
