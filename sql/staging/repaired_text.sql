/*
description: |
  Texts of the imported soundtrack tables whose UTF-8 was once read as Windows-1252 ("JÃ³hann"), each with what was
  meant. A text is here only if its characters, written back as bytes, are valid UTF-8: rightly written
  accents hardly ever are, so nothing sound is touched.
grain: broken text
key: [broken]
columns:
  broken: VARCHAR; as the file holds it
  repaired: VARCHAR; as it was meant
*/
with
suspect as (
    select unnest(list_concat([song_title, album_title], artists)) as broken
    from raw.dataset_film_ost_tracks
    union
    select unnest([title, original_title, overview])
    from raw.dataset_film_ost_films
),

-- Windows-1252 has 27 signs where Latin-1 has control characters; undone first, each character is one byte.
latin_text as (
    select
        broken,
        translate(
            broken,
            '€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ',
            array_to_string(
                [
                    chr(code)
                    for code in [
                        128, 130, 131, 132, 133, 134, 135, 136, 137, 138, 139, 140, 142, 145,
                        146, 147, 148, 149, 150, 151, 152, 153, 154, 155, 156, 158, 159
                    ]
                ],
                ''
            )
        ) as latin
    from suspect
    where regexp_matches(broken, '[^\x00-\x7f]')
),

decoded_text as (
    select
        broken,
        try(decode(unhex(array_to_string(
            [printf('%02X', unicode(letter)) for letter in string_split(latin, '')],
            ''
        )))) as repaired
    from latin_text
    where not regexp_matches(latin, '[^\x{00}-\x{ff}]')
)

select
    broken,
    repaired
from decoded_text
where repaired is not null
