"""Duties of 《政务数据共享条例》 as checks with evidence, per department and for any past date."""
