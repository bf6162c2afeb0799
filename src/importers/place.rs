//! Where an offer says it is.

use crate::types::limits::REGION_CHARS_MAX;
use crate::types::{Country, Region};

/// Reads "Italy, IT": a place and a country code, either of which may be missing.
pub(super) fn geolocation(text: &str) -> (Option<Region>, Option<Country>) {
    match text.rsplit_once(',') {
        Some((place, code)) => (region(place), Country::new(code.trim())),
        None => (region(text), None),
    }
}

/// Returns a region's name in the form of the exchange: lower case, words joined by hyphens.
pub(super) fn region(text: &str) -> Option<Region> {
    let mut slug = String::new();
    for letter in text.trim().chars().flat_map(char::to_lowercase).map(unaccented) {
        match letter {
            'a'..='z' | '0'..='9' | '_' | '.' => slug.push(letter),
            _ if slug.is_empty() || slug.ends_with('-') => {}
            _ => slug.push('-'),
        }
    }
    let slug: String = slug.chars().take(REGION_CHARS_MAX).collect();
    Region::new(slug.trim_end_matches('-'))
}

fn unaccented(letter: char) -> char {
    match letter {
        'à'..='å' | 'ā' | 'ă' | 'ą' => 'a',
        'ç' | 'ć' | 'č' => 'c',
        'è'..='ë' | 'ē' | 'ę' | 'ě' => 'e',
        'ì'..='ï' | 'ī' | 'ı' => 'i',
        'ñ' | 'ń' | 'ň' => 'n',
        'ò'..='ö' | 'ø' | 'ō' | 'ő' => 'o',
        'ù'..='ü' | 'ū' | 'ů' | 'ű' => 'u',
        'ś' | 'š' | 'ş' => 's',
        'ý' | 'ÿ' => 'y',
        'ź' | 'ż' | 'ž' => 'z',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_and_a_country_are_told_apart() {
        let read = |text| {
            let (region, country) = geolocation(text);
            (region.map(String::from).unwrap_or_default(), country.map(String::from).unwrap_or_default())
        };
        let both = |region: &str, country: &str| (region.to_owned(), country.to_owned());
        assert_eq!(read("Italy, IT"), both("italy", "IT"));
        assert_eq!(read("District of Columbia, US"), both("district-of-columbia", "US"));
        assert_eq!(read(", US"), both("", "US"));
        assert_eq!(read("Türkiye, TR"), both("turkiye", "TR"));
        assert_eq!(read(""), both("", ""));
        assert_eq!(read("CANADA-1"), both("canada-1", ""));
        assert_eq!(read("Nowhere, usa"), both("nowhere", ""));
        assert_eq!(read("日本"), both("", ""));
    }
}
