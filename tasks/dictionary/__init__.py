"""The data dictionary: what the headers of `sql/` say, for people to browse.

| module | does |
| --- | --- |
| `headers` | the tables as their headers tell them: columns with units, tests in words |
| `python_made` | the same of the tables that Python fills between the SQL layers, which have no header |
| `findings` | what the last build and audit found: rows, when they changed, rows that fail a check |
| `lineage` | who reads whom, laid out as a graph |
| `compiling` | all of these as one dictionary |
| `page` | the dictionary as one HTML page, and in short as Markdown |
"""

from tasks.dictionary.compiling import Dictionary, compile_dictionary
from tasks.dictionary.page import as_html, as_markdown, write_page

__all__ = ["Dictionary", "as_html", "as_markdown", "compile_dictionary", "write_page"]
