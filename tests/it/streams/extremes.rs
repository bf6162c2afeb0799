//! Commands with one number driven to the end of its type: refused or executed, never a panic, never a state
//! that should be impossible.

use gpubourse::exchange::{Command, Exchange, Failure, IndexedBook};
use serde_json::Value;

use super::generator::Generator;
use super::rng::Rng;
use super::view::View;

const STREAMS: u64 = 80;
const COMMANDS: u32 = 250;

#[test]
fn numbers_at_the_end_of_their_types_break_nothing() {
    let (mut accepted, mut refused) = (0u32, 0u32);
    for seed in 0..STREAMS {
        let mut rng = Rng::new(seed);
        let mut generator = Generator::new(seed);
        let mut exchange = Exchange::<IndexedBook>::new();
        let mut digest = exchange.settle().unwrap().digest;
        for number in 0..COMMANDS {
            let mut envelope = generator.next(&View::of(&exchange));
            // Time driven to its end would leave nothing to do for the rest of the stream.
            let driven =
                number > 40 && (number == COMMANDS - 1 || !matches!(envelope.command, Command::Advance { .. }));
            let changed = if driven && rng.chance(60) { extreme(&mut rng, &envelope.command) } else { None };
            let is_extreme = changed.is_some();
            envelope.command = changed.unwrap_or(envelope.command);
            let result = exchange.execute(&envelope);
            let after = exchange.settle().unwrap().digest;
            match result {
                Ok(outcome) => {
                    accepted += u32::from(is_extreme);
                    generator.observe(&envelope, &outcome);
                }
                Err(Failure::Reject(_)) => {
                    refused += u32::from(is_extreme);
                    assert_eq!(after, digest, "seed {seed}, command {number}: {envelope:?}");
                }
                Err(failure) => panic!("seed {seed}, command {number}: {failure}: {envelope:?}"),
            }
            digest = after;
        }
        assert_eq!(exchange.recomputed_digest(), Ok(digest), "seed {seed}");
        let mut restored = Exchange::<IndexedBook>::restore(exchange.snapshot()).unwrap();
        assert_eq!(restored.settle().unwrap().digest, digest, "seed {seed}");
    }
    println!("{accepted} extreme commands accepted, {refused} refused");
    assert!(accepted > 300 && refused > 1_500, "{accepted} accepted, {refused} refused");
}

/// Returns the command with one of its numbers at the end of a type, if it can be read back.
fn extreme(rng: &mut Rng, command: &Command) -> Option<Command> {
    let mut json = serde_json::to_value(command).unwrap();
    let mut paths = Vec::new();
    numbers(&json, String::new(), &mut paths);
    let path = rng.pick_if_any(&paths)?;
    let ends = [
        0,
        1,
        -1,
        i64::from(u32::MAX),
        i64::from(u32::MAX) - 1,
        i64::from(i32::MAX),
        1_000_000,
        1_000_000_000_000,
        i64::MAX,
        i64::MAX - 999,
        i64::MIN,
    ];
    *json.pointer_mut(&path).unwrap() = Value::from(rng.pick(&ends));
    serde_json::from_value(json).ok()
}

fn numbers(json: &Value, path: String, found: &mut Vec<String>) {
    match json {
        Value::Number(_) => found.push(path),
        Value::Object(fields) => {
            fields.iter().for_each(|(name, value)| numbers(value, format!("{path}/{name}"), found))
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(at, value)| numbers(value, format!("{path}/{at}"), found));
        }
        _ => {}
    }
}
