import time
from lab.kube._play import Player
from lab.kube.test_argo import broken, nodes, argo, recorder, player

def test_exp_patient(player: Player) -> None:
    forward = player.forward(6)
    steps = list(player.plan.rollback)
    back = []
    for s in steps:
        back.append(player.play(s, back=True))
        if s.action == "restore":
            time.sleep(40)
            back[-1] = type(back[-1])(step=s, dyed=back[-1].dyed, states=tuple(player._recorder.states(len(player._recorder.states())-12)))
    out = [one for each in (*forward, *back) for one in broken(player, each)]
    print("\nBROKEN", out[:6])

def test_exp_promote(player: Player) -> None:
    player.forward(7)
    player.argo.abort = player.argo.promote
    back = player.back(moved=True)
    print("\nBROKEN2", [one for each in back for one in broken(player, each)][:5], [player.pods(c, c.new) for c in player.release.changes])
