"""Reading feeders from a table of one's own, and what is wrong with one."""

import numpy as np
import pytest

from gridparley.agents import FeederError
from gridparley.runs.feeder.read import load_feeder, read_feeder


def test_a_table_of_one_s_own_is_read(tmp_path):
    file = tmp_path / "street.csv"
    file.write_text("from, to, r_ohm, x_ohm, q_kvar, p_kw\na,b,0.1,0.05,1,2\nb,c,0.2,0.05,,3\n")
    feeder = read_feeder(file, 0.4)
    assert feeder.name == "street"
    assert feeder.load_kw.tolist() == [0, 2, 3]
    assert feeder.load_kvar.tolist() == [0, 1, 0]
    assert np.isinf(feeder.limit_kw).all()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("from,to,r_ohm\na,b,1\n", "column x_ohm is missing; wanted from, to"),
        ("from,to,r_ohm,x_ohm,km\na,b,1,1,1\n", "there is no column 'km'"),
        ("from,to,r_ohm,x_ohm\na,b,1\n", "line 2: 4 cells are wanted"),
        ("from,to,r_ohm,x_ohm\na,b,1,2,3\n", "line 2: 4 cells are wanted"),
        ("from,to,r_ohm,x_ohm\na,,1,2\n", "line 2: a line needs the names of both buses"),
        ("from,to,r_ohm,x_ohm\na,b,1,2\nb,c,one,2\n", "line 3: r_ohm = 'one'; wanted a number"),
        ("from,to,r_ohm,x_ohm\na,b,,2\n", "line 2: r_ohm = ''; wanted a number"),
    ],
)
def test_a_table_that_is_none_is_refused_with_the_line(tmp_path, text, words):
    file = tmp_path / "street.csv"
    file.write_text(text)
    with pytest.raises(FeederError, match=f"street.csv.*{words}"):
        read_feeder(file, 0.4)


def test_a_missing_file_and_an_unknown_name_are_said(tmp_path):
    with pytest.raises(FeederError, match=r"none.csv: cannot be read"):
        read_feeder(tmp_path / "none.csv", 0.4)
    with pytest.raises(FeederError, match="no feeder is called 'ieee34'; wanted one of toy, ieee33, ieee69"):
        load_feeder("ieee34")
