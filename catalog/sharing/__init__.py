"""申请、审核、授权、使用、处置: the sharing workflow of 《政务数据共享条例》, as events that can be replayed."""
