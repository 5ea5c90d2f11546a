//! Prints results, one line per check, in the Test Anything Protocol.

/// The result of a check: details, or an error message.
pub type Verdict = Result<String, String>;

/// Counts and prints the checks.
#[derive(Default)]
pub struct Tap {
    checks: u32,
}

impl Tap {
    /// Runs a check and prints its line.
    pub fn check(&mut self, name: &str, check: impl FnOnce() -> Verdict) {
        self.checks += 1;
        match check() {
            Ok(told) => {
                println!("ok {} - {name}", self.checks);
                told.lines().for_each(|line| println!("# {line}"));
            }
            Err(why) => {
                println!("not ok {} - {name}", self.checks);
                why.lines().for_each(|line| println!("# {line}"));
            }
        }
    }

    /// Prints the plan, which is the number of checks. A run that died before has no plan.
    pub fn end(self) {
        println!("1..{}", self.checks);
    }
}

/// Returns an error with `words` unless `holds`.
///
/// # Errors
/// `holds` is false.
pub fn require(holds: bool, words: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(words()) }
}
